"""One file per dataset: ``read(cfg, split) -> ItemTable``, registered under its name."""
