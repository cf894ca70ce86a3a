import type { Words } from './words.js'

function linesOf({ command, text, flags, choices, held, runs }: Words): readonly string[] {
  const here = `complete -c holdfast -n '__fish_seen_subcommand_from ${command}'`
  return [
    `complete -c holdfast -f -n __fish_use_subcommand -a ${command} -d '${text}'`,
    ...flags.map(({ names, text: about, value, choices: values }) => {
      const forms = names.map((name) =>
        name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
      )
      const behind = value === '' ? '' : values.length > 0 ? ` -x -a '${values.join(' ')}'` : ' -x'
      return `${here} ${forms.join(' ')}${behind} -d '${about}'`
    }),
    ...(held ? [`${here} -f -a '(__holdfast_names)'`] : []),
    ...(choices.length > 0 ? [`${here} -f -a '${choices.join(' ')}'`] : []),
    ...(runs ? [`${here} -a '(__fish_complete_subcommand)'`] : []),
  ]
}

export function fish(all: readonly Words[]): string {
  return `# holdfast in fish: holdfast completion fish | source
function __holdfast_names
  set -l server
  set -l words (commandline -opc)
  for i in (seq (count $words))
    contains -- $words[$i] --url --prefix --sentinel --quarantine --epoch; and set -a server $words[$i] $words[(math $i + 1)]
    contains -- $words[$i] --cluster --strict-failover; and set -a server $words[$i]
  end
  holdfast completion names $server -- (commandline -ct) 2> /dev/null
end
${all.flatMap(linesOf).join('\n')}
`
}
