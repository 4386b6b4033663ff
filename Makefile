# Each target is a line over dev.py, which is plain Python and works on Windows, too.
PYTHON ?= python3

.PHONY: install demo test soak bench screenshots lint audit
install: ; @$(PYTHON) dev.py install
demo:    ; @$(PYTHON) dev.py demo $(if $(PORT),--port $(PORT))
test:    ; @$(PYTHON) dev.py test $(ARGS)
bench:   ; @$(PYTHON) dev.py bench $(ARGS)
soak:    ; @$(PYTHON) dev.py soak $(ARGS)
screenshots: ; @$(PYTHON) dev.py screenshots
lint:    ; @$(PYTHON) dev.py lint
audit:   ; @$(PYTHON) dev.py audit
