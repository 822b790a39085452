# bash completion for nearcast(1). Generated from the table of verbs.
_nearcast()
{
	local cur=${COMP_WORDS[COMP_CWORD]} verb= words= i
	local verbs="status why show watch check doctor decode off on drain undrain reload plan lab help"
	if [[ ${COMP_WORDS[COMP_CWORD - 1]} == -s ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-s) ((i++)) ;;
		-*) ;;
		*)
			verb=${COMP_WORDS[i]}
			break
			;;
		esac
	done
	case $verb in
	'') words="-j -s -h -V $verbs" ;;
	status)
		words="-j -s -h"
		;;
	why)
		words="-j -s -h"
		;;
	show)
		words="-j -s -h --after --service upstreams fleet services checks flows events memory version"
		;;
	watch)
		words="-j -s -h --after"
		;;
	check)
		words="-j -s -h --print"
		[[ $cur == -* ]] || compopt -o default
		;;
	doctor)
		words="-j -s -h"
		[[ $cur == -* ]] || compopt -o default
		;;
	decode)
		words="-j -s -h --format --as2 --as4 --add-path --ibgp --bgpdump"
		[[ $cur == -* ]] || compopt -o default
		;;
	off)
		words="-j -s -h --reason --force"
		;;
	on)
		words="-j -s -h --reason"
		;;
	drain)
		words="-j -s -h --reason --all --for --force"
		;;
	undrain)
		words="-j -s -h --reason --all"
		;;
	reload)
		words="-j -s -h --yes"
		;;
	plan)
		words="-j -s -h catchment path diff fail optimise learn score --graph --announce --origin --weights --places --rtt --down --cut --off --top --objective --change --prepend --method --time --seed --best --countries --paths --via --predict --min-share --kinds --starts --shuffle --learned --choices --tsv --html --json"
		[[ ${COMP_WORDS[COMP_CWORD - 1]} != --* ]] || compopt -o default
		;;
	lab)
		words="-j -s -h"
		;;
	help)
		words="-j -s -h"
		words+=" $verbs"
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _nearcast nearcast
