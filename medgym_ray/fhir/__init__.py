"""A FHIR R4 server for one episode: search and read over a shared chart, and writes that nobody else sees."""
