#!/usr/bin/env bash
# Train on your own songs: train_on_your_songs.sh songs [key=value ...]
#
# songs/{train,valid,test}/<song>/{vocals,drums,bass,other}.wav; further words go to the training.
set -euo pipefail
songs=$1
shift

bsroformer prepare check data=folder data.root="$songs"   # what is wrong with the files
bsroformer prepare pack data=folder data.root="$songs"    # decode once; training reads the packs
bsroformer train data=folder data.root="$songs" paths.output_dir=runs/mine "$@"
bsroformer evaluate runs/mine data=folder data.root="$songs" --output scores
