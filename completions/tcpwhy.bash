# bash completion for tcpwhy; generated from its option table by tools/generate
_tcpwhy_captures()
{
	compopt -o filenames
	mapfile -t COMPREPLY < <(compgen -d -- "$1"
		compgen -f -X '!*.@(pcap|pcapng|cap|dmp|pcap.gz|pcapng.gz|pcap.zst|pcapng.zst)' -- "$1")
}

_tcpwhy_lab()
{
	local i
	for ((i = 2; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == -- ]]; then
			compopt -o default
			return
		fi
	done
	if [[ $1 == -* ]]; then
		if [[ ${COMP_WORDS[2]} == list ]]; then
			mapfile -t COMPREPLY < <(compgen -W '--color --width --json -h --help -V --version' -- "$1")
		else
			mapfile -t COMPREPLY < <(compgen -W '--color --width -j --jobs -v --verbose -q --quiet --json --keep --repeat --full-time --seed --as --peer --at --after-bytes --after --at-line --serve --expect-exit --within -h --help -V --version' -- "$1")
		fi
	elif ((COMP_CWORD == 2)); then
		mapfile -t COMPREPLY < <(compgen -W 'list run' -- "$1")
	elif [[ ${COMP_WORDS[2]} == list ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$2" -- "$1")
	else
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -W "$2 all" -- "$1"
			compgen -d -- "$1"
			compgen -f -X '!*.lab' -- "$1")
	fi
}

_tcpwhy()
{
	local cur prev command=read slugs
	cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
	[[ $cur == = ]] && cur=
	[[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD-2]}
	[[ ${COMP_WORDS[1]} == @(explain|lab|live|doctor|predict|audit) ]] && ((COMP_CWORD > 1)) && command=${COMP_WORDS[1]}
	slugs='port-closed firewall-reset firewall-rejected firewall-dropped host-unreachable syn-unanswered syn-lost syn-ack-lost handshake-ack-lost accept-queue-full syn-queue-full connect-aborted time-wait-syn-dropped ports-exhausted address-in-use app-stuck process-died host-shutdown closed-with-unread-data aborted linger-reset data-after-close keepalive-race peer-vanished user-timeout peer-rebooted idle-reset idle-blackholed conntrack-invalid-reset keepalive-timeout forged-reset injected-segment zero-window-stall pmtu-blackhole invalid-segment desynchronized loss-recovered reordering socket-destroyed memory-abort fin-lost fin-unanswered fin-ack-lost fin-wait2-expired close-wait-leak last-fin-lost last-ack-lost last-ack-expired time-wait-killed old-duplicate syn-flood port-scan'
	COMPREPLY=()
	case $prev in
	-r)
		_tcpwhy_captures "$cur"
		return
		;;
	-w|--write|--idle-table|-w|--write|--cgroup|--netns|--sysctl-file|--sysctl-file)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--color)
		mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur")
		return
		;;
	--verdict)
		local before=
		[[ $cur == *,* ]] && before=${cur%,*},
		mapfile -t COMPREPLY < <(compgen -P "$before" -W "$slugs clean unknown" -- "${cur##*,}")
		return
		;;
	--keep)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	--as)
		mapfile -t COMPREPLY < <(compgen -W 'client server' -- "$cur")
		return
		;;
	--at)
		mapfile -t COMPREPLY < <(compgen -W 'connect start' -- "$cur")
		return
		;;
	--serve)
		mapfile -t COMPREPLY < <(compgen -W 'auto http echo none' -- "$cur")
		return
		;;
	-f|--filter|-c|--count|--stream|--memory|--width|-j|--jobs|--repeat|--seed|--peer|--after-bytes|--after|--at-line|--expect-exit|--within|-i|--interface|--memory|-f|--filter|--duration|--pid|--comm|--rate-limit|--patience|--metrics|--set|--kernel|--rtt|--user-timeout|--keepalive|--sndtimeo|--rcvtimeo|--syncnt|--pid|--socket|--idle|--set)
		:
		return
		;;
	esac
	if [[ $command == lab ]]; then
		_tcpwhy_lab "$cur" "$slugs"
		return
	fi
	if [[ $cur == -* ]]; then
		if [[ $command == explain ]]; then
			mapfile -t COMPREPLY < <(compgen -W '--color --width -h --help -V --version' -- "$cur")
		elif [[ $command == live ]]; then
			mapfile -t COMPREPLY < <(compgen -W '-n -v --verbose -q --quiet --all --verdict --color --width -i --interface --packets-only -w --write --memory -f --filter --json --duration --pid --comm --cgroup --netns --rate-limit --bind --patience --metrics -h --help -V --version' -- "$cur")
		elif [[ $command == doctor ]]; then
			mapfile -t COMPREPLY < <(compgen -W '--color --width --json -h --help -V --version' -- "$cur")
		elif [[ $command == predict ]]; then
			mapfile -t COMPREPLY < <(compgen -W '--color --width --set --sysctl-file --kernel --rtt --user-timeout --keepalive --sndtimeo --rcvtimeo --syncnt --pid --socket -v --verbose --json -h --help -V --version' -- "$cur")
		elif [[ $command == audit ]]; then
			mapfile -t COMPREPLY < <(compgen -W '--color --idle-table --width --idle --set --sysctl-file -v --verbose --json -h --help -V --version' -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -W '-r -f --filter -w --write -c --count -n -v --verbose -q --quiet --all --verdict --stream --json --merge --color --idle-table --memory --width -h --help -V --version' -- "$cur")
		fi
	elif [[ $command == @(live|doctor|audit) ]]; then
		return
	elif [[ $command == @(explain|predict) ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$slugs" -- "$cur")
	else
		_tcpwhy_captures "$cur"
		((COMP_CWORD == 1)) && mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W 'read live lab predict audit doctor explain' -- "$cur")
	fi
}
shopt -s extglob
complete -F _tcpwhy tcpwhy
