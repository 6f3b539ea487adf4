# The one command line of the project. `make help` lists the targets.
#   env=embedded   no Docker: local stand-ins under one supervisor (the default)
#   env=local      containers on this machine, by docker compose: .env.local
#   env=cloud      containers on a virtual machine: .env.cloud, and its credentials in .env.cloud.secrets

SHELL := /bin/bash
env ?= embedded
PY := .venv/bin/python
# Requests to our own servers bypass any proxy of the shell.
export NO_PROXY := $(if $(NO_PROXY),$(NO_PROXY),$(if $(no_proxy),$(no_proxy),localhost)),localhost,127.0.0.1,::1
export no_proxy := $(NO_PROXY)

# Both understand the same commands. In containers nothing is installed on the host.
ifeq ($(env),embedded)
STACK := $(PY) -m embedded
INSTALLED := setup
PUBLISH_DOCS := tar -C build/docs-site -c . | sh docs/site/publish.sh .state/reports && echo "The site is in build/docs-site. While the loop runs it is at /docs/ of the report pages (make status)."
NEED_DASK := $(PY) -c 'import distributed' 2>/dev/null || sh embedded/setup.sh --group dask
NEED_LIGHTGBM := $(PY) -c 'import lightgbm' 2>/dev/null || sh embedded/setup.sh --group lightgbm
else
STACK := bash containers/stack.sh $(env)
INSTALLED :=
PUBLISH_DOCS := $(STACK) docs-site
NEED_DASK := echo "engine=dask is for env=embedded, see docs/how-to/sweep-on-a-cluster.md"; exit 1
NEED_LIGHTGBM := echo "FAMILIES=lightgbm is for env=embedded: the images do not have LightGBM"; exit 1
endif

# `make docs-site` builds with this machine's Python in every mode.
NEED_MKDOCS := $(PY) -c 'import material' 2>/dev/null || sh embedded/setup.sh --group docs

# What is about one table of several.
OF_TABLE = $(if $(table),--table '$(table)')

# Targets that only show or stop something install nothing.
IF_INSTALLED := if [ $(env) != embedded ] || [ -x .venv/bin/supervisord ]; then
NOTHING_RUNS := echo "Nothing is installed or running yet. To install and start the loop: make run"

.DEFAULT_GOAL := help
.PHONY: help setup doctor run status logs stop test lint fmt bench bench-peers bench-page attacks chaos \
        drill reset_all setup_tests run_tests test-pythons test-bare setup-model-registry \
        init_aws apply-model-train-flow setup-model-serve apply-prediction-reporting report start-serve stop-serve train retrain harvest react retention labels promote rollback ledger live replay verify-model shadow score data-versions data-diff data-checkout data-name deploy \
        healthy renew-tls image images pin-images test-stack docs docs-site contract profile

help: ## show this list
	@awk 'BEGIN {FS = ": .*## |:.*## "} /^[a-zA-Z_ -]+:.*## / {printf "  \033[1m%-28s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# -- the short way ---------------------------------------------------------------------------------------------------
setup: .venv/.ready ## install everything into .venv and .venv-emulators (nothing outside the project)

doctor: ## say what this machine lacks for what, and how to get it; installs nothing
	@$(if $(PYTHON),'$(PYTHON)',python3) -I -B embedded/doctor/__main__.py

run: $(INSTALLED) ## start the whole loop: train, serve, predict, report; then print the addresses
	@$(STACK) run

status: ## show the processes with uptime and memory, and the addresses
	@$(IF_INSTALLED) $(STACK) status; else $(NOTHING_RUNS); exit 3; fi

logs: ## show the newest lines of all logs, in order of time (service=api,consumer level=warning since=10m id=X-Request-Id n=100; follow=1 goes on)
	@$(IF_INSTALLED) $(STACK) logs -- --service '$(or $(service),$(name))' --level '$(level)' --since '$(since)' --id '$(id)' --n '$(n)' $(if $(filter 1,$(follow)),--follow); else $(NOTHING_RUNS); exit 1; fi

stop: ## stop every process; data are kept
	@$(IF_INSTALLED) $(STACK) stop; else echo "Nothing was running."; fi

reset_all: ## stop, and delete runs, models, predictions and reports (asks first; yes=1 does not ask)
	@[ "$(yes)" = 1 ] || { read -r -p "Delete all runs, models, predictions and reports? [y/N] " answer && [ "$$answer" = y ]; } \
	  || { echo "Nothing was deleted."; exit 1; }
	@$(IF_INSTALLED) $(STACK) reset; else rm -rf .state; fi

contract: .venv/.ready ## draft the contract of your own table (csv=path target=column positive=class known=a,b drop=a,b missing=a,b minutes_between=a,b keep=low,high out=path)
	@$(if $(and $(csv),$(or $(target),$(minutes_between))),,echo "Say which table, and which column to predict: make contract csv=mine.csv target=column" && exit 1 &&) \
	  $(PY) -m model_orchestration.data.draft_contract --csv "$$csv" --target "$$target" --positive "$$positive" --known "$$known" --drop "$$drop" --missing "$$missing" --out "$$out" \
	  --minutes_between "$$minutes_between" --keep "$$keep" --separator "$$separator" --decimal "$$decimal" --encoding "$$encoding" --columns "$$columns"

profile: $(INSTALLED) ## write a page about a table: distributions, relations, drift against the last version (csv=path target=column out=path, or CONTRACT=path)
	@$(if $(or $(csv),$(CONTRACT)),,echo "Say which table: make profile csv=mine.csv target=column, or make profile CONTRACT=contracts/mine.toml" && exit 1 &&) \
	  $(STACK) profile -- --csv "$$csv" --target "$$target" --contract "$$CONTRACT" --out "$$out" \
	  --separator "$$separator" --decimal "$$decimal" --encoding "$$encoding" --columns "$$columns"

# -- the same, step by step -------------------------------------------------------------------------------------
setup-model-registry: $(INSTALLED) ## start S3, Kinesis, MLflow, Prefect and its worker, the report pages
	@$(STACK) setup-registry

init_aws: $(INSTALLED) ## create the bucket and the streams, upload the table (DATASET_CSV=path)
	@$(STACK) init-aws

data-versions: $(INSTALLED) ## list the versions of the table: sha256, when, rows, names, where from (table=name)
	@$(STACK) versions -- list $(OF_TABLE)

data-diff: $(INSTALLED) ## compare two versions of the table: rows, columns, target, drift of each feature (a=sha b=sha, or names; table=name)
	@$(if $(and $(a),$(b)),,echo "Say which versions: make data-diff a=accepted b=current" && exit 1 &&) $(STACK) versions -- diff '$(a)' '$(b)' $(OF_TABLE)

data-checkout: $(INSTALLED) ## write the bytes of a version as they came (sha=sha or a name, out=path; table=name)
	@$(if $(and $(sha),$(out)),,echo "Say which version, and where to: make data-checkout sha=current out=table.csv" && exit 1 &&) \
	  $(STACK) versions -- checkout '$(sha)' "$$(realpath -ms -- "$$out")" $(OF_TABLE)

data-name: $(INSTALLED) ## give a version of the table a name (sha=sha name=word; table=name)
	@$(if $(and $(sha),$(name)),,echo "Say which version, and its name: make data-name sha=current name=may" && exit 1 &&) $(STACK) versions -- name '$(sha)' '$(name)' $(OF_TABLE)

drill: setup ## play the whole story in minutes on a stack of its own: drift, alarm, retraining, promotion, sabotage, rollback
	@$(PY) -m embedded.drill

harvest: $(INSTALLED) ## make labelled predictions rows of a new version of the table (since=2026-11-01 until=2026-12-01 mode=append|replace table=name by=name)
	@$(STACK) harvest -- --by="$${by:-$$(id -un)}" $(if $(since),--since '$(since)') $(if $(until),--until '$(until)') $(if $(mode),--mode '$(mode)') $(OF_TABLE)

react: $(INSTALLED) ## read alarms, new labels and the ledger, and act on them once now; the worker does it every five minutes
	@$(STACK) react

retention: $(INSTALLED) ## delete what is old and not needed, as RETENTION_* say; the worker does it every night (dry=1 only says what would go, and why the rest stays)
	@$(STACK) retention $(if $(filter 1,$(dry)),-- --dry)

apply-model-train-flow train: $(INSTALLED) ## train once now; the worker does it every hour (TRIALS=50 SEED=42 FAMILIES=xgboost,linear CONTRACT=path table=name ACCEPT="reason" engine=dask parallelism=rows)
	@$(if $(filter dask,$(engine)),$(NEED_DASK);) $(if $(findstring lightgbm,$(FAMILIES)),$(NEED_LIGHTGBM);) $(STACK) train $(if $(engine)$(parallelism)$(table),train -- $(if $(engine),--engine '$(engine)') $(if $(parallelism),--parallelism '$(parallelism)') $(OF_TABLE))

retrain: $(INSTALLED) ## repeat an earlier training run and compare every figure (like=RUN_ID)
	@$(if $(like),,echo "Say which run to train again: make retrain like=RUN_ID" && exit 1 &&) $(if $(filter dask,$(engine)),$(NEED_DASK);) $(STACK) train retrain -- --like '$(like)' $(if $(engine),--engine '$(engine)')

setup-model-serve start-serve: $(INSTALLED) ## start the API, the consumer, the monitor, the simulators (RUN_ID=id pins a model, CONSUMERS=2 share the stream)
	@$(STACK) start-serve

stop-serve: $(INSTALLED) ## stop what start-serve started
	@$(STACK) stop-serve

labels: $(INSTALLED) ## attach ground-truth labels to stored predictions (file=a CSV or Parquet file of prediction_id or business key, and outcome; table=name)
	@$(if $(file),,echo "Say which file: make labels file=outcomes.csv" && exit 1 &&) $(STACK) labels -- "$$(realpath -s -- "$$file")" $(OF_TABLE)

score: $(INSTALLED) ## score the rows of a file, CSV or Parquet (file=rows.csv out=scores.csv; table=name, RUN_ID=id, store=1 keeps them as predictions)
	@$(if $(and $(file),$(out)),,echo "Say which file, and where the scores go: make score file=rows.csv out=scores.csv" && exit 1 &&) \
	  $(STACK) score -- "$$(realpath -s -- "$$file")" "$$(realpath -ms -- "$$out")" $(if $(filter command line,$(origin RUN_ID)),--run-id '$(RUN_ID)') $(if $(filter 1,$(store)),--store) $(OF_TABLE)

promote: $(INSTALLED) ## serve another run from now on, once its golden records hold (RUN_ID=id why="reason"; table=name, by=name)
	@$(if $(filter command line,$(origin RUN_ID)),,echo 'Say which run, and why: make promote RUN_ID=id why="the reason"' && exit 1 &&) \
	  $(STACK) promote -- --run-id '$(RUN_ID)' --why="$$why" --by="$${by:-$$(id -un)}" $(OF_TABLE)

rollback: $(INSTALLED) ## serve again what served before (why="reason"; table=name, by=name); in containers it undoes the last deploy of a pinned run
	@$(STACK) rollback -- --why="$$why" --by="$${by:-$$(id -un)}" $(OF_TABLE)

ledger: $(INSTALLED) ## show what happened to the models: who decided what, when and why (n=30 since=2026-11-01 until= kind=promoted,rolled_back table=name)
	@$(STACK) ledger -- $(if $(n),--n '$(n)') $(if $(since),--since '$(since)') $(if $(until),--until '$(until)') --kind="$$kind" $(OF_TABLE)

live: $(INSTALLED) ## show what served at a time: run, data version, contract (at=2026-11-20T12:00Z; table=name)
	@$(if $(at),,echo "Say when: make live at=2026-11-20T12:00Z" && exit 1 &&) $(STACK) live -- '$(at)' $(OF_TABLE)

replay: $(INSTALLED) ## score a stored prediction's row again by the run that made it, and compare every bit (id=prediction_id)
	@$(if $(id),,echo "Say which prediction: make replay id=prediction_id" && exit 1 &&) $(STACK) replay -- '$(id)'

verify-model: $(INSTALLED) ## is a run still what its figures say: golden records, data checks, every figure measured again (RUN_ID=id, the served one if not given; table=name)
	@$(STACK) verify-model -- $(if $(filter command line,$(origin RUN_ID)),--run-id '$(RUN_ID)') $(OF_TABLE)

shadow: $(INSTALLED) ## score stored predictions with any run, and compare it with the champion on those that are labelled (since=2026-11-01 RUN_ID=id; table=name)
	@$(if $(and $(since),$(filter command line,$(origin RUN_ID))),,echo 'Say since when, and with which run: make shadow since=2026-11-01 RUN_ID=id' && exit 1 &&) \
	  $(STACK) shadow -- --since '$(since)' --run-id '$(RUN_ID)' $(OF_TABLE)

apply-prediction-reporting: $(INSTALLED) ## write a drift report now; the worker does it every three hours
	@$(STACK) report

report: $(INSTALLED) ## report on anything: since= until= last=n run=id version=name file=path, slice=column=value, windows=n, also="…", beside against="…"; evidently=1, table=name
	@$(STACK) report -- $(if $(since),--since "$$since") $(if $(until),--until "$$until") $(if $(last),--last "$$last") $(if $(run),--run "$$run") \
	  $(if $(version),--version "$$version") $(if $(file),--file "$$(realpath -s -- "$$file")") $(if $(slice),--slice "$$slice") $(if $(windows),--windows "$$windows") \
	  $(if $(also),--also "$$also") $(if $(against),--against "$$against") $(if $(evidently),--evidently "$$evidently") $(OF_TABLE)

deploy: ## in containers: serve another run (RUN_ID=id; table=name), or put another version of the code live (VERSION=v1.2.0), without downtime; undone if it is not healthy
	@[ $(env) != embedded ] || { echo "With env=embedded a start does it: make start-serve RUN_ID=id, of a further table RUN_IDS=table=id. The code is that of this folder: git checkout VERSION, then make run"; exit 1; }
	@[ "$(words $(filter command line,$(origin RUN_ID)) $(filter command line,$(origin VERSION)))" = 2 ] || { echo "Say which run, make deploy env=$(env) RUN_ID=id, or which version of the code, VERSION=v1.2.0: one at a time, for each is checked by the other"; exit 1; }
	@$(if $(filter command line,$(origin VERSION)),$(STACK) deploy-version '$(VERSION)',$(STACK) deploy '$(RUN_ID)' '$(table)')

healthy: # in containers: does the API respond, and serve RUN_ID if one is given?
	@$(STACK) healthy

renew-tls: ## in containers: take up a renewed certificate of TLS_CERTIFICATE without an interruption
	@[ $(env) != embedded ] || { echo "The embedded stack has no TLS: it listens on this machine alone."; exit 1; }
	@$(STACK) renew-tls

image: $(INSTALLED) ## build one image with a model inside, the API alone, for any container platform (RUN_ID=id, the champion if not given; table=name TAG=name:tag BASE=image)
	@$(STACK) export-model -- "$(CURDIR)/build/image" $(if $(filter command line,$(origin RUN_ID)),--run-id '$(RUN_ID)') $(OF_TABLE)
	@BASE='$(BASE)' sh containers/model/build.sh build/image '$(TAG)'

images: # in containers: build every image
	@$(STACK) images

pin-images: ## record the current digests of the public images (containers/images.lock)
	@sh containers/pin-images.sh

# -- development -----------------------------------------------------------------------------------------------------
setup_tests: .venv/.ready-tests ## install what the tests need: development tools, Prometheus, Nginx, Chromium

run_tests test: setup_tests lint ## lint, and every test that needs no Docker
	@$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-pythons: .venv/.ready-tests ## the tests that start no stack, on every other Python from 3.11 to 3.13 that is installed
	@sh tests/other-pythons.sh

test-bare: ## follow the README on a bare Debian, built in build/; needs root and debootstrap (SUITE=trixie WHO=somebody)
	@sh tests/bare-machine.sh $(or $(SUITE),trixie) $(or $(WHO),somebody)

test-stack: setup_tests ## test the whole stack in containers; needs Docker, and root for its kills
	@TEST_STACK=1 $(PY) -m pytest tests/stack -x -p no:xdist --timeout 900 -rA

chaos: .venv/.ready-tests ## inject faults under load and count losses, then attack the API (MINUTES=10 SEED=n)
	@$(PY) -u -m tests.chaos --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED))
	@$(PY) -u -m tests.server.attacks
	@FUZZ_SECONDS=60 $(PY) -m pytest -q --hypothesis-profile random tests/server/responses/test_fuzz.py \
		tests/unit/server/outbox/test_properties.py tests/unit/encoding/test_row_properties.py

lint: .venv/.ready-tests ## ruff format, ruff check, mypy --strict
	@.venv/bin/ruff format --check . && .venv/bin/ruff check . && .venv/bin/mypy

fmt: .venv/.ready-tests ## format the code
	@.venv/bin/ruff format . && .venv/bin/ruff check --fix .

bench: .venv/.ready-tests ## run the benchmarks and write their page (QUICK=1: only see that they run)
	@$(PY) -m benchmarks.run $(if $(QUICK),--quick)

bench-peers: .venv/.ready-tests ## our API beside MLflow, BentoML, MLServer, Ray Serve, FastAPI, installed apart (QUICK=1)
	@$(PY) -m benchmarks.run $(if $(QUICK),--quick) peers

attacks: .venv/.ready-tests ## attack the API: its memory, other clients' latency, whether each bound holds
	@$(PY) -u -m tests.server.attacks

bench-page: .venv/.ready-tests ## write docs/reference/benchmarks.md again from the last results
	@$(PY) -m benchmarks.harness.page

.venv/.ready: pyproject.toml uv.lock embedded/emulators/uv.lock embedded/setup.sh containers/uv.txt hatch_build.py $(wildcard tabular/model/native/*.c)
	@sh embedded/setup.sh
	@touch $@

.venv/.ready-tests: .venv/.ready tests/system-packages.sh
	@sh embedded/setup.sh --all-groups
	@sh tests/system-packages.sh
	@touch $@

docs: .venv/.ready ## write the reference pages that come from the code
	@$(PY) docs/reference/generate.py

docs-site: .venv/.ready ## build the documentation as a site, build/docs-site, which the report pages' server shows at /docs/; a broken link fails
	@$(NEED_MKDOCS)
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict --quiet
	@$(PUBLISH_DOCS)
