"""What a package may bring to medgym-ray, each as small as it can be; see docs/extending.md."""
