import type { Flag, Words } from './words.js'

function specOf({ names, text, value, choices }: Flag): string {
  const action = choices.length > 0 ? `(${choices.join(' ')})` : ''
  const behind = value === '' ? '' : `:${value}:${action}`
  const body = `[${text}]${behind}`
  return names.length === 1 ? `'*${names[0]}${body}'` : `'*'{${names.join(',')}}'${body}'`
}

function caseOf({ command, flags, choices, held, runs }: Words): string {
  const first = held
    ? `':name:_holdfast_names'`
    : choices.length > 0
      ? `':what:(${choices.join(' ')})'`
      : `':name:'`
  const rest = runs ? [`'*::command:_normal'`] : []
  return `    ${command}) _arguments -S ${[...flags.map(specOf), first, ...rest].join(' ')} ;;`
}

export function zsh(all: readonly Words[]): string {
  return `#compdef holdfast
# holdfast in zsh: source <(holdfast completion zsh), or as a file _holdfast in a folder of $fpath
_holdfast_names() {
  local -a names server
  local i
  for ((i = 1; i < CURRENT; i++)); do
    case $words[i] in
      --url|--prefix|--sentinel|--quarantine|--epoch) server+=($words[i] $words[i+1]) ;;
      --cluster|--strict-failover) server+=($words[i]) ;;
    esac
  done
  names=(\${(f)"$(holdfast completion names $server -- "$PREFIX" 2> /dev/null)"})
  compadd -a names
}
_holdfast() {
  local -a commands
  commands=(${all.map(({ command, text }) => `'${command}:${text}'`).join(' ')})
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  shift words
  ((CURRENT--))
  case $words[1] in
${all.map(caseOf).join('\n')}
  esac
}
compdef _holdfast holdfast
`
}
