import type { Words } from './words.js'

const list = (words: readonly string[]): string => words.join(' ')

/** What is completed of one command. */
function caseOf({ command, flags, choices, held, runs }: Words): string {
  const valued = flags.filter(({ value }) => value !== '')
  const chosen = valued.filter((flag) => flag.choices.length > 0)
  const lines = [
    `flags='${list(flags.flatMap(({ names }) => names))}'`,
    `valued=' ${list(valued.flatMap(({ names }) => names))} '`,
    ...chosen.map(
      ({ names, choices: words }) =>
        `case $prev in ${names.join('|')}) values='${list(words)}' ;; esac`,
    ),
    ...(choices.length > 0 ? [`first='${list(choices)}'`] : []),
    ...(held ? ['held=1'] : []),
    ...(runs ? ['runs=1'] : []),
  ]
  return `    ${command})\n${lines.map((line) => `      ${line}`).join('\n')}\n      ;;`
}

/**
 * For bash 3.2 and newer. It reads the line itself: bash parts words at the colons that names of locks
 * have.
 */
export function bash(all: readonly Words[]): string {
  return `# holdfast in bash: eval "$(holdfast completion bash)"
_holdfast() {
  local line=\${COMP_LINE:0:COMP_POINT} cur prev word command= server= i count skip= held= runs=
  local flags= valued= values= first= given=0
  local -a words
  read -ra words <<< "$line"
  case $line in *[[:space:]]) words[\${#words[@]}]= ;; esac
  count=\${#words[@]}
  cur=\${words[count-1]}
  prev=\${words[count-2]}
  COMPREPLY=()
  for ((i = 1; i < count - 1; i++)); do
    case \${words[i]} in -*) ;; *) command=\${words[i]} && break ;; esac
  done
  case $command in
    '')
      COMPREPLY=($(compgen -W '${list(all.map(({ command }) => command))} --help --version' -- "$cur"))
      return
      ;;
${all.map(caseOf).join('\n')}
    *) return ;;
  esac
  for ((i++; i < count - 1; i++)); do
    word=\${words[i]}
    if [[ $skip ]]; then
      case $skip in --url|--prefix|--sentinel|--quarantine|--epoch) server="$server $skip $word" ;; esac
      skip=
    elif [[ $word == -* && ( -z $runs || $given == 0 ) ]]; then
      case $word in --cluster|--strict-failover) server="$server $word" ;; esac
      case $valued in *" $word "*) skip=$word ;; esac
    else
      ((given++))
    fi
  done
  if [[ $skip ]]; then
    COMPREPLY=($(compgen -W "$values" -- "$cur"))
  elif [[ $runs && $given == 1 ]]; then
    COMPREPLY=($(compgen -c -- "$cur"))
  elif [[ $runs && $given -gt 1 ]]; then
    return
  elif [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  elif [[ $given == 0 && $held ]]; then
    local IFS=$'\\n'
    COMPREPLY=($(IFS=' '; "\${COMP_WORDS[0]}" completion names $server -- "$cur" 2> /dev/null))
    # Only what stands behind the last colon is put into the line.
    case $COMP_WORDBREAKS in *:*)
      case $cur in *:*) COMPREPLY=("\${COMPREPLY[@]#"\${cur%"\${cur##*:}"}"}") ;; esac
    esac
  elif [[ $given == 0 ]]; then
    COMPREPLY=($(compgen -W "$first" -- "$cur"))
  fi
}
complete -o bashdefault -o default -F _holdfast holdfast
`
}
