// No interface: this target only carries linker settings.
