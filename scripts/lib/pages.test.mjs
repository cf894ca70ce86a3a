import { expect, test } from 'vitest'
import { closed, deadLinks } from './pages.mjs'

const pages = (files) => new Map(Object.entries(files))

const given = pages({
  'README.md': `# The package

[How](docs/how.md), [when](docs/how.md#in-time--or-not), [why](docs/decisions/1.md), [up](#the-package), [away](https://example.com/a.md).

![A picture](docs/picture.png)

<picture>
  <source srcset="docs/dark.svg">
  <img alt="Another" src="docs/light.svg">
</picture>

\`\`\`md
[a](lost.md)
# Not a heading
\`\`\`

[\`code\`](../src/a.ts) and [not there](#not-a-heading), [the licence](LICENSE).
`,
  'docs/how.md': `# How

| | |
| --- | --- |
| ![one](one.png) | ![two](two.png) |

## In \`time\`, [or not](../README.md)

[Back](../README.md), [gone](../README.md#gone), [down](how.md#how), [twice](#how-1)

## How
`,
})

test('finds what leads nowhere: files, anchors, pictures', () => {
  expect(deadLinks(given, ['LICENSE'])).toEqual([
    'README.md: docs/how.md#in-time--or-not',
    'README.md: docs/decisions/1.md',
    'README.md: docs/picture.png',
    'README.md: docs/dark.svg',
    'README.md: docs/light.svg',
    'README.md: ../src/a.ts',
    'README.md: #not-a-heading',
    'docs/how.md: one.png',
    'docs/how.md: two.png',
    'docs/how.md: ../README.md#gone',
  ])
})

test('makes text of it, leaves out its pictures, and changes nothing else', () => {
  const made = closed(given, ['LICENSE'])
  expect(deadLinks(made, ['LICENSE'])).toEqual([])
  expect(made.get('README.md')).toBe(`# The package

[How](docs/how.md), when, why, [up](#the-package), [away](https://example.com/a.md).

\`\`\`md
[a](lost.md)
# Not a heading
\`\`\`

\`code\` and not there, [the licence](LICENSE).
`)
  expect(made.get('docs/how.md')).toBe(`# How

## In \`time\`, [or not](../README.md)

[Back](../README.md), gone, [down](how.md#how), [twice](#how-1)

## How
`)
})
