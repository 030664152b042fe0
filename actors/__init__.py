"""The Ray layer, thin: each actor wraps one object of the library."""

from actors.authentication import settle

settle()
