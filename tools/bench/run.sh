#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# make bench: run.sh PATH/TO/tcpwhy [options of run.py]
exec python3 "$(dirname "$0")/run.py" "$@"
