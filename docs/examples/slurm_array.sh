#!/bin/bash
#SBATCH --job-name=grading
#SBATCH --array=1-8
#SBATCH --cpus-per-task=2
#SBATCH --mem-per-cpu=4G
#SBATCH --time=08:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=grading-%a.log

# Grades a class in as many parts as the array has tasks:  sbatch slurm_array.sh HAND_INS PARTS [options of autograder grade]
# A task that is requeued resumes.  When all are finished:  autograder merge PARTS/*
set -eu
hand_ins=$1
parts=$2
shift 2

autograder grade "$hand_ins" \
  --part "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" \
  --seed 2026 \
  --out "$parts/$SLURM_ARRAY_TASK_ID" \
  --jobs "$SLURM_CPUS_PER_TASK" \
  "$@"
