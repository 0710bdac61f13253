#!/bin/sh
# Writes two projects of $1 jobs that do nothing under $2: `seq`, one after the other, and `par`, $3 at once.
set -eu
mkdir -p "$2/seq" "$2/par" "$2/home"
printf '[limits]\njobs = %s\n' "$3" > "$2/home/config.toml"
awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) { printf "[pipelines.p.jobs.s%d]\nsteps = [\"/bin/true\"]\n", i; if (i) printf "needs = [\"s%d\"]\n", i - 1 } }' > "$2/seq/gonogo.toml"
awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) printf "[pipelines.p.jobs.s%d]\nsteps = [\"/bin/true\"]\n", i }' > "$2/par/gonogo.toml"
