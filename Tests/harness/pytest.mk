# Shared by the Makefiles of folders with pytest tests. FOLDER: the folder of the files, relative to the Makefile; FILES: their
# names. Each file runs in a process of its own.
FOLDER ?= .
FILES ?= $(sort $(patsubst %.py,%,$(notdir $(wildcard $(FOLDER)/test_*.py))))
PARTS := $(FILES)
include $(dir $(lastword $(MAKEFILE_LIST)))binding.mk

PYTEST ?= $(ROOT)/.venv-test/bin/python -m pytest -v -p no:cacheprovider --strict-markers

all:

$(PARTS:%=test-%): test-%:
	@mkdir -p $(RESULTS) && rm -f $(RESULTS)/$*.xml
	@cd $(ROOT) && { $(PYTEST) --junitxml=$(RESULTS)/$*.xml $${ONLY:+-k "$$ONLY"} $(HERE)/$(FOLDER)/$*.py; echo $$? >$(RESULTS)/$*.status; } \
	    2>&1 | sed 's/^/# /'
	@$(TAP) junit $(RESULTS)/$*.xml && read status <$(RESULTS)/$*.status && \
	    { [ "$$status" = 0 ] || { [ "$$status" = 5 ] && [ -n "$$ONLY" ]; }; }

.PHONY: all
