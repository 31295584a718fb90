#!/bin/sh
# Makes `run`, a run of the first version of munas (0.1.0, journal schema 2): ./make.sh PATH-OF-ITS-BINARY
set -eu
cd "$(dirname "$0")"
rm -rf run
"$1" search --out run --data glyphs --seed 7 --workers 1 --trials 4 --max-model-size 2KB \
    --set name=first-version --set data.subset=400 --set space.kind=mlp \
    --set 'space.bounds={ dense = [1, 2], units = [2, 8] }' --set train.epochs=3 \
    --set search.population=2 --set search.sample=2
# Empty after an orderly end.
rm -f run/journal.db-shm run/journal.db-wal
