import { describe, expect, it } from 'vitest'
import type { GraphEdge, GraphNode } from '../../src/model.js'
import { gather, layersOf, layout, NODE } from '../../ui/lib/layout.js'

/** `a>L` waits, `L=a` holds; upper case is a lock. `!` at the end: of a deadlock. */
function graph(...said: string[]) {
  const nodes = new Map<string, GraphNode>()
  const node = (id: string): string => {
    nodes.set(id, { id, kind: id === id.toUpperCase() ? 'lock' : 'who', label: id })
    return id
  }
  const edges = said.map((one): GraphEdge => {
    const [, from, sign, to, deadlock] = /^(\w+)([>=])(\w+)(!?)$/.exec(one)!
    return {
      from: node(from!),
      to: node(to!),
      kind: sign === '>' ? 'waits' : 'holds',
      deadlock: deadlock === '!',
    }
  })
  return { nodes: [...nodes.values()], edges }
}

const at = (drawn: ReturnType<typeof layout>, id: string) =>
  drawn.nodes.find(({ node }) => node.id === id)!

describe('layers', () => {
  it('go from who waits over the lock to who holds it', () => {
    const layers = layersOf(graph('a>L', 'L=b', 'b>M', 'M=c'))
    expect(Object.fromEntries(layers)).toEqual({ a: 0, L: 1, b: 2, M: 3, c: 4 })
  })

  it('put who only waits right before what it waits for', () => {
    const layers = layersOf(graph('a>L', 'L=b', 'b>M', 'M=c', 'd>M'))
    expect(layers.get('d')).toBe(2)
  })

  it('end for circles, and for a graph that is nothing else', () => {
    const layers = layersOf(graph('a>L!', 'L=b!', 'b>M!', 'M=a!'))
    expect([...layers.values()].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3])
    expect(layersOf(graph('a>L!', 'L=a!')).size).toBe(2)
  })
})

describe('a layout', () => {
  it('puts no node over another', () => {
    const edges = Array.from({ length: 40 }, (_, i) => [`w${i}>L${i % 7}`, `L${i % 7}=w${i + 3}`])
    const { nodes, width, height } = layout(graph(...edges.flat()))
    for (const a of nodes) {
      expect(a.x + NODE.width).toBeLessThanOrEqual(width)
      expect(a.y + NODE.height).toBeLessThanOrEqual(height)
      for (const b of nodes) {
        if (a === b) continue
        const apart = Math.abs(a.x - b.x) >= NODE.width || Math.abs(a.y - b.y) >= NODE.height
        expect(apart, `${a.node.id} and ${b.node.id}`).toBe(true)
      }
    }
  })

  it('begins with what is stuck, and marks all of it and nothing else', () => {
    const free = ['x>B', 'B=y', 'z>B', 'u>B', 'v>B']
    const drawn = layout(graph(...free, 'a>L!', 'L=b!', 'b>M!', 'M=a!', 'c>L'))
    const marked = drawn.nodes.filter(({ deadlock }) => deadlock).map(({ node }) => node.id)
    expect(marked.toSorted()).toEqual(['L', 'M', 'a', 'b'])
    expect(at(drawn, 'L').y).toBeLessThan(at(drawn, 'B').y)
  })

  it('draws each edge, also those that go back and those that pass a layer', () => {
    const said = graph('a>L!', 'L=b!', 'b>M!', 'M=a!', 'b>N', 'N=c', 'c>K', 'b>K', 'K=d')
    const { arcs } = layout(said)
    expect(arcs).toHaveLength(said.edges.length)
    for (const { path } of arcs) expect(path).toMatch(/^M[\d. CHL-]+$/)
  })

  it('stands an edge to nowhere, and nothing', () => {
    const { nodes, edges } = graph('a>L')
    expect(layout({ nodes: nodes.slice(0, 1), edges }).arcs).toEqual([])
    expect(layout({ nodes: [], edges: [] })).toMatchObject({ nodes: [], width: 0, height: 0 })
  })

  it('draws a few for a thousand who wait', () => {
    const many = Array.from({ length: 1000 }, (_, i) => `w${i}>L${i % 50}`)
    const chain = Array.from({ length: 50 }, (_, i) => [`L${i}=h${i}`, `h${i}>L${i + 1}`]).flat()
    expect(layout(graph(...many, ...chain)).nodes.length).toBeLessThan(600)
  })
})

describe('the many who do the same', () => {
  const many = Array.from({ length: 30 }, (_, i) => `w${i}>L`)

  it('become one node, beyond a few', () => {
    const { nodes, edges } = gather(graph(...many, 'L=h'))
    expect(nodes).toHaveLength(2 + 4 + 1)
    expect(nodes.at(-1)).toMatchObject({ kind: 'more', label: '26 more wait' })
    expect(edges).toHaveLength(1 + 4 + 1)
  })

  it('spare who also holds something, and who is in a circle', () => {
    const { nodes } = gather(graph(...many, 'L=h', 'M=w7', 'L=w9!', 'w9>L!'))
    expect(nodes.map(({ id }) => id)).toEqual(expect.arrayContaining(['w7', 'w9']))
  })
})
