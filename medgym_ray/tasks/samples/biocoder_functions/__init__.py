"""The sample's BioCoder programs: whole programs of our own, each with one function that becomes the task.

A file's docstring is the problem text, the lines between `# solution` and `# end of solution` are the gold function,
and everything else is the context. Every program prints results for inputs that it draws from a seeded generator.
"""
