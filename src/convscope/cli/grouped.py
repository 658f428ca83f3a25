"""Help that shows the few options of a command first, and after them the options of the model, which are the same for all commands."""

import click

# What a file does not say of its model, by the names of the parameters.
MODEL_OPTIONS = ("preprocess", "labels", "weights", "architecture", "input_shape", "inputs", "custom", "unsafe")


class GroupedCommand(click.Command):
    """A command whose help has a section for the options of the model."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write both sections; a command without a model has one."""
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        records = [(option.name, record) for option in options if (record := option.get_help_record(ctx)) is not None]
        apart = MODEL_OPTIONS if {"model", "architecture"} <= {name for name, _ in records} else ()
        sections = {
            "Options": [record for name, record in records if name not in apart],
            "Model options": [record for name, record in records if name in apart],
        }
        for title, rows in sections.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
