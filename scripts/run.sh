#!/usr/bin/env bash
# Makes the environment, compiles the core where it can, and runs the demo: a year of real households
# against a system started for the purpose. Options go to the demo; `bash scripts/run.sh --help` lists them.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/_env.sh"

make_environment --no-dev --extra demo --extra compile
compile_core
cd "$root"
exec .venv/bin/righttime demo "$@"
