"""What a saved model file holds, read as data: containers, configs of every Keras since 1.0, stored weights; nothing in it runs."""
