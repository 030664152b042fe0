from medgym_ray import cli, config
def run(c: config.GenerateConfig) -> int:
    config.validate(c); print("OK", c.model.name, c.tasks.root, c.output.dir); return 0
def main() -> None:
    cli.main("generate", config.GenerateConfig, run)
if __name__ == "__main__":
    main()
