/* Draws all images of the view with one instanced call: WebGL2, a texture array of pages, 24 bytes per image. */
"use strict";
(() => {
  const SIDE = 2048, EACH = 24, MEBIBYTE = 1 << 20;
  const KINDS = { photo: 0, bright: 1, dark: 2 };

  const VERTEX = `#version 300 es
    uniform vec2 view;  // the canvas, device pixels
    uniform float size; // of a sprite
    layout(location = 0) in vec2 at;
    layout(location = 1) in vec4 tint; // its alpha says whether the picture gets a frame
    layout(location = 2) in vec4 mean; // its alpha is the share of the texture
    layout(location = 3) in uvec4 cell; // left, top, layer, side + 256 * opacity
    flat out vec4 v_tint, v_mean, v_cell;
    flat out float v_opacity;
    out vec2 v_in;
    void main() {
      vec2 corner = (vec2(gl_VertexID & 1, gl_VertexID >> 1) - 0.5) * (size + 1.0); // half a pixel more for smooth edges
      v_tint = tint; v_mean = mean; v_in = corner / size + 0.5;
      v_cell = vec4(cell.xyz, cell.w & 255u);
      v_opacity = float(cell.w >> 8) / 255.0;
      vec2 place = (at + corner) / view * 2.0 - 1.0;
      gl_Position = vec4(place.x, -place.y, 0.0, 1.0);
    }`;

  // Pages with opacity hold colours that are multiplied by it.
  const FRAGMENT = (channels, clear) => `#version 300 es
    precision highp float;
    precision mediump sampler2DArray;
    uniform sampler2DArray pages;
    uniform float size, faint; // faint: how dark the weak strokes of a drawing are
    uniform int kind;
    uniform vec3 paper;
    flat in vec4 v_tint, v_mean, v_cell;
    flat in float v_opacity;
    in vec2 v_in;
    out vec4 colour;

    vec4 texel(vec2 p) {
      p = clamp(p, vec2(0.5), vec2(v_cell.w - 0.5)); // never a neighbour's pixels
      vec4 found = texture(pages, vec3((v_cell.xy + p) / ${SIDE}.0, v_cell.z));
      return vec4(found.${channels}, ${clear ? "found.a" : "1.0"});
    }
    // The thumbnail at a place in [0, 1] x [0, 1]. Enlarged, its pixels are squares with smooth edges; reduced, four
    // samples cover the area of a screen pixel.
    vec4 thumbnail(vec2 place) {
      vec2 p = place * v_cell.w - 0.5, whole = floor(p);
      vec4 found;
      if (size < v_cell.w * 0.8) {
        vec2 d = vec2(0.25, -0.25) * v_cell.w / size;
        p += 0.5;
        found = (texel(p + d.xx) + texel(p + d.xy) + texel(p + d.yx) + texel(p + d.yy)) * 0.25;
      } else {
        found = texel(whole + clamp((p - whole - 0.5) * max(1.0, size / v_cell.w) + 0.5, 0.0, 1.0) + 0.5);
      }
      return mix(vec4(v_mean.rgb, 1.0), found, v_mean.a);
    }
    // A picture with opacity: nothing lies outside its square.
    vec4 shaped(vec2 place) {
      return thumbnail(place) * float(all(greaterThanEqual(place, vec2(0.0))) && all(lessThanEqual(place, vec2(1.0))));
    }
    float strength(vec2 place) { float grey = thumbnail(place).r; return kind == 1 ? grey : 1.0 - grey; }

    void main() {
      // How far inside the sprite's edge this pixel lies: photographs have rounded corners.
      float radius = kind == 0 ? min(size * 0.07, 9.0) : 0.0;
      vec2 q = abs(v_in - 0.5) * size - (size * 0.5 - radius);
      float edge = length(max(q, 0.0)) + min(max(q.x, q.y), 0.0) - radius, cover = clamp(0.5 - edge, 0.0, 1.0) * v_opacity;
      if (kind == 0 && ${clear} && v_mean.a > 0.0) { // a picture of any shape, with a frame around it in its class's colour
        float thick = clamp(size * 0.055, 1.0, 6.0) / size, small = 0.62 * (1.0 - smoothstep(5.0, 16.0, size));
        vec2 p = (v_in - 0.5) * (1.0 + 2.0 * thick) + 0.5;
        vec4 picture = shaped(p);
        float shape = picture.a;
        for (int i = 0; i < 8; i++) {
          float turn = 0.785398 * float(i);
          shape = max(shape, shaped(p + thick * vec2(cos(turn), sin(turn)) * (i % 2 == 0 ? 1.0 : 1.414)).a);
        }
        shape = mix(picture.a, shape, v_tint.a);
        colour = vec4(mix(picture.rgb, v_tint.rgb * picture.a, small * v_tint.a) + v_tint.rgb * (shape - picture.a), shape) * v_opacity;
        return;
      }
      if (kind == 0) { // a photograph, with a frame in its class's colour; too small for a frame, with a tint
        float frame = clamp(edge + clamp(size * 0.055, 1.0, 6.0) + 0.5, 0.0, 1.0), small = 0.62 * (1.0 - smoothstep(5.0, 16.0, size));
        vec3 picture = v_mean.a > 0.0 ? thumbnail(v_in).rgb : v_mean.rgb;
        colour = vec4(mix(picture, v_tint.rgb, max(frame, small) * v_tint.a), 1.0) * cover;
        return;
      }
      // A drawing: its background is left out, its strokes take the class's colour. Its shape, and a rim around it, is
      // filled with the page's colour, so that what lies below does not shine through.
      float s = strength(v_in), shape = min(1.0, 8.0 * s), opacity = shape * min(1.0, 0.3 + 1.6 * s);
      if (size >= 14.0) {
        float d = 1.2 / min(size, v_cell.w + 1.0);
        float rim = max(max(strength(v_in + vec2(d, 0)), strength(v_in - vec2(d, 0))), max(strength(v_in + vec2(0, d)), strength(v_in - vec2(0, d))));
        shape = max(shape, min(0.75, 1.4 * rim));
      }
      colour = vec4(v_tint.rgb * (faint + (1.0 - faint) * s) * opacity + paper * (shape - opacity), shape) * cover;
    }`;

  function program(gl, channels, clear) {
    const made = gl.createProgram();
    for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT(channels, clear)]]) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(made, shader);
    }
    gl.linkProgram(made);
    if (!gl.getProgramParameter(made, gl.LINK_STATUS) && !gl.isContextLost()) throw new Error(gl.getProgramInfoLog(made) || "The shaders do not compile.");
    return made;
  }

  /* Return a renderer for a canvas, or null where WebGL2 is missing. */
  map.webgl = (canvas) => {
    const gl = canvas.getContext("webgl2", { antialias: false, powerPreference: "high-performance" });
    if (!gl) return null;
    const grey = map.about.channels === 1, clear = map.about.channels === 4, bytes = SIDE * SIDE * (grey ? 1 : 4);
    const phone = matchMedia("(pointer: coarse)").matches && Math.min(screen.width, screen.height) < 600;
    const renderer = { name: "WebGL2", canvas, gl, capacity: Math.floor((phone ? 96 : 256) * MEBIBYTE / bytes) };
    let uniforms, texture, frame, room = 0, data, floats, shorts;

    renderer.open = () => {
      const made = program(gl, grey ? "rrr" : "rgb", clear);
      gl.useProgram(made);
      uniforms = Object.fromEntries(["view", "size", "faint", "kind", "paper"].map((name) => [name, gl.getUniformLocation(made, name)]));
      texture = gl.createTexture();
      gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture);
      gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, grey ? gl.R8 : gl.RGBA8, SIDE, SIDE, Math.min(renderer.capacity, pages.total()));
      for (const [name, value] of [["MIN_FILTER", "LINEAR"], ["MAG_FILTER", "LINEAR"], ["WRAP_S", "CLAMP_TO_EDGE"], ["WRAP_T", "CLAMP_TO_EDGE"]]) {
        gl.texParameteri(gl.TEXTURE_2D_ARRAY, gl[`TEXTURE_${name}`], gl[value]);
      }
      gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
      gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
      frame = gl.createFramebuffer();
      gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
      [[2, gl.FLOAT, 0], [4, gl.UNSIGNED_BYTE, 8], [4, gl.UNSIGNED_BYTE, 12], [4, gl.UNSIGNED_SHORT, 16]].forEach(([count, type, offset], place) => {
        gl.enableVertexAttribArray(place);
        gl.vertexAttribDivisor(place, 1);
        if (type === gl.UNSIGNED_SHORT) gl.vertexAttribIPointer(place, count, type, EACH, offset);
        else gl.vertexAttribPointer(place, count, type, type === gl.UNSIGNED_BYTE, EACH, offset);
      });
      gl.enable(gl.BLEND);
      gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
      room = 0;
    };

    renderer.put = (slot, bitmap) => {
      const format = grey ? gl.RED : gl.RGBA;
      gl.texSubImage3D(gl.TEXTURE_2D_ARRAY, 0, 0, 0, slot, bitmap.width, bitmap.height, 1, format, gl.UNSIGNED_BYTE, bitmap);
      bitmap.close();
    };

    /* Copy a thumbnail out of its texture. */
    renderer.cut = (context, slot, x, y, side) => {
      const found = new ImageData(side, side);
      gl.bindFramebuffer(gl.READ_FRAMEBUFFER, frame);
      gl.framebufferTextureLayer(gl.READ_FRAMEBUFFER, gl.COLOR_ATTACHMENT0, texture, 0, slot);
      gl.readPixels(x, y, side, side, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(found.data.buffer));
      gl.bindFramebuffer(gl.READ_FRAMEBUFFER, null);
      if (grey) for (let i = 0; i < found.data.length; i += 4) found.data[i + 1] = found.data[i + 2] = found.data[i];
      if (clear) for (let i = 0; i < found.data.length; i++) if (i % 4 < 3) found.data[i] *= 255 / Math.max(1, found.data[i | 3]);
      context.putImageData(found, 0, 0);
    };

    function fill(ranks, scale, now) {
      if (ranks.length > room) {
        room = Math.min(map.count + 16, Math.ceil(ranks.length * 1.5) + 64);
        const buffer = new ArrayBuffer(room * EACH);
        [data, floats, shorts] = [new Uint8Array(buffer), new Float32Array(buffer), new Uint16Array(buffer)];
        gl.bufferData(gl.ARRAY_BUFFER, buffer.byteLength, gl.DYNAMIC_DRAW);
      }
      const { places, lit } = scene, { tints, wash } = map, means = map.means, level = pages.wanted;
      const [left, top] = scene.toScreen(0, 0), zoom = scene.zoom * scale, raised = ranks.length - scene.raised.length;
      const shares = Array.from({ length: pages.slots() }, (_, slot) => pages.shareOf(slot, now));
      ranks.forEach((rank, i) => {
        const tint = 3 * scene.code(rank), byte = i * EACH, slot = pages.find(rank, level);
        floats[6 * i] = places[2 * rank] * zoom + left * scale;
        floats[6 * i + 1] = places[2 * rank + 1] * zoom + top * scale;
        for (let c = 0; c < 3; c++) {
          data[byte + 8 + c] = tints[tint + c];
          data[byte + 12 + c] = grey ? means[rank] : means[3 * rank + c];
        }
        data[byte + 11] = wash;
        data[byte + 15] = slot < 0 ? 0 : shares[slot];
        shorts[12 * i + 8] = pages.cellX;
        shorts[12 * i + 9] = pages.cellY;
        shorts[12 * i + 10] = Math.max(0, slot);
        shorts[12 * i + 11] = (slot < 0 ? 1 : pages.side) + 256 * (lit[rank] || i >= raised ? 255 : 26);
      });
      gl.bufferSubData(gl.ARRAY_BUFFER, 0, data, 0, ranks.length * EACH);
    }

    renderer.draw = (now, scale) => {
      const ranks = scene.visible.concat(scene.raised), paper = map.paper.map((part) => part / 255);
      fill(ranks, scale, now);
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.uniform2f(uniforms.view, canvas.width, canvas.height);
      gl.uniform1f(uniforms.size, scene.size() * scale);
      gl.uniform1f(uniforms.faint, kit.isDark() ? 0.45 : 0.55);
      gl.uniform1i(uniforms.kind, KINDS[map.about.kind]);
      gl.uniform3f(uniforms.paper, ...paper);
      gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, ranks.length);
    };
    const { scene, pages } = map;
    renderer.open();
    return renderer;
  };
})();
