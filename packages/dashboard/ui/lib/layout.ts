import type { Graph, GraphEdge, GraphNode } from '../../src/model.js'

/** Sizes of what is drawn, in px. */
export const NODE = { width: 176, height: 46, across: 48, down: 14, lane: 12, between: 28 }

/** A node of the graph, or what stands for many of them. */
type Shown = GraphNode | { readonly id: string; readonly kind: 'more'; readonly label: string }

export interface Placed {
  readonly node: Shown
  readonly x: number
  readonly y: number
  readonly deadlock: boolean
}

interface Arc {
  readonly edge: GraphEdge
  readonly path: string
}

export interface Layout {
  readonly nodes: readonly Placed[]
  readonly arcs: readonly Arc[]
  readonly width: number
  readonly height: number
}

interface Plain {
  readonly nodes: readonly Shown[]
  readonly edges: readonly GraphEdge[]
}

/**
 * One node for the many who only wait for the same lock, or only share it: more than `most` of them would hide what is
 * of interest, and a circle never goes through them.
 */
export function gather({ nodes, edges }: Pick<Graph, 'nodes' | 'edges'>, most = 5): Plain {
  const degree = new Map<string, number>()
  for (const { from, to } of edges) {
    degree.set(from, (degree.get(from) ?? 0) + 1)
    degree.set(to, (degree.get(to) ?? 0) + 1)
  }
  const alike = new Map<string, { lock: string; kind: GraphEdge['kind']; ids: string[] }>()
  for (const { from, to, kind, deadlock } of edges) {
    const [lock, who] = kind === 'waits' ? [to, from] : [from, to]
    if (deadlock || degree.get(who) !== 1) continue
    const key = `${kind} ${lock}`
    const group = alike.get(key) ?? { lock, kind, ids: [] }
    group.ids.push(who)
    alike.set(key, group)
  }
  const gone = new Set<string>()
  const [extra, between]: [Shown[], GraphEdge[]] = [[], []]
  for (const [key, { lock, kind, ids }] of alike) {
    if (ids.length <= most) continue
    const rest = ids.slice(most - 1)
    for (const id of rest) gone.add(id)
    const id = `more ${key}`
    const does = kind === 'waits' ? 'more wait' : 'more hold it'
    extra.push({ id, kind: 'more', label: `${rest.length} ${does}` })
    const [from, to] = kind === 'waits' ? [id, lock] : [lock, id]
    between.push({ from, to, kind, deadlock: false })
  }
  return {
    nodes: [...nodes.filter(({ id }) => !gone.has(id)), ...extra],
    edges: [...edges.filter(({ from, to }) => !gone.has(from) && !gone.has(to)), ...between],
  }
}

/** Parts that nothing connects, those with a circle first, then the largest. */
function partsOf({ nodes, edges }: Plain): Plain[] {
  const root = new Map(nodes.map(({ id }) => [id, id]))
  const find = (id: string): string => {
    let at = id
    for (let up = root.get(at); up !== undefined && up !== at; up = root.get(at)) at = up
    root.set(id, at)
    return at
  }
  const known = edges.filter(({ from, to }) => root.has(from) && root.has(to))
  for (const { from, to } of known) root.set(find(from), find(to))
  const parts = new Map<string, { nodes: Shown[]; edges: GraphEdge[] }>()
  for (const node of nodes) {
    const key = find(node.id)
    const part = parts.get(key) ?? { nodes: [], edges: [] }
    part.nodes.push(node)
    parts.set(key, part)
  }
  for (const edge of known) parts.get(find(edge.from))?.edges.push(edge)
  const stuck = (part: Plain): number => Number(part.edges.some(({ deadlock }) => deadlock))
  return [...parts.values()].toSorted(
    (a, b) => stuck(b) - stuck(a) || b.nodes.length - a.nodes.length,
  )
}

/** The layer of each node: one to the right of all that lead to it, where the edges that close a circle do not count. */
export function layersOf({ nodes, edges }: Plain): Map<string, number> {
  const next = new Map<string, string[]>(nodes.map(({ id }) => [id, []]))
  const incoming = new Map<string, number>(nodes.map(({ id }) => [id, 0]))
  for (const { from, to } of edges) {
    next.get(from)?.push(to)
    incoming.set(to, (incoming.get(to) ?? 0) + 1)
  }
  // Depth first, from those to whom nothing leads: an edge back to a node that is still open closes a circle.
  const state = new Map<string, 'open' | 'done'>()
  const order: string[] = []
  const back = new Set<string>()
  const starts = nodes.map(({ id }) => id).toSorted((a, b) => incoming.get(a)! - incoming.get(b)!)
  for (const start of starts) {
    const stack: { id: string; at: number }[] = []
    const enter = (id: string): void => {
      state.set(id, 'open')
      stack.push({ id, at: 0 })
    }
    if (!state.has(start)) enter(start)
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const to = next.get(top.id)?.[top.at++]
      if (to === undefined) {
        state.set(top.id, 'done')
        order.push(top.id)
        stack.pop()
      } else if (state.get(to) === 'open') back.add(`${top.id}\n${to}`)
      else if (!state.has(to)) enter(to)
    }
  }
  const layers = new Map<string, number>()
  const ahead = (id: string): string[] =>
    (next.get(id) ?? []).filter((to) => !back.has(`${id}\n${to}`))
  for (const id of order.toReversed()) {
    const mine = layers.get(id) ?? 0
    layers.set(id, mine)
    for (const to of ahead(id)) layers.set(to, Math.max(layers.get(to) ?? 0, mine + 1))
  }
  // Those who only wait stand right before what they wait for.
  for (const { id } of nodes) {
    const before = ahead(id).map((to) => (layers.get(to) ?? 1) - 1)
    if (incoming.get(id) === 0 && before.length > 0) layers.set(id, Math.min(...before))
  }
  return layers
}

/**
 * Puts a point into each layer that an edge passes, as if it were a node: so that it finds its way between the others.
 * Returns the points of each edge that has any.
 */
function bend(
  part: Plain,
  layers: Map<string, number>,
): { plain: Plain; bends: Map<GraphEdge, string[]> } {
  const bends = new Map<GraphEdge, string[]>()
  const [points, edges]: [Shown[], GraphEdge[]] = [[], []]
  part.edges.forEach((edge, n) => {
    const [from, to] = [layers.get(edge.from) ?? 0, layers.get(edge.to) ?? 0]
    const ids: string[] = []
    for (let layer = from + 1; layer < to; layer++) {
      const id = `bend ${n} ${layer}`
      ids.push(id)
      layers.set(id, layer)
      points.push({ id, kind: 'more', label: '' })
    }
    if (ids.length > 0) bends.set(edge, ids)
    const stops = [edge.from, ...ids, edge.to]
    for (let i = 1; i < stops.length; i++)
      edges.push({ ...edge, from: stops[i - 1]!, to: stops[i]! })
  })
  return { plain: { nodes: [...part.nodes, ...points], edges }, bends }
}

/** Orders each layer by where its neighbours are, there and back a few times (Sugiyama's barycentres). */
function ordered({ nodes, edges }: Plain, layers: Map<string, number>): string[][] {
  const rows: string[][] = []
  for (const { id } of nodes) (rows[layers.get(id) ?? 0] ??= []).push(id)
  const beside = new Map<string, string[]>()
  const join = (a: string, b: string): unknown =>
    (beside.get(a) ?? beside.set(a, []).get(a)!).push(b)
  for (const { from, to } of edges) {
    join(from, to)
    join(to, from)
  }
  const place = new Map<string, number>()
  const note = (row: string[]): void => {
    // From the middle of the layer, so that layers of different sizes compare.
    row.forEach((id, i) => place.set(id, i - (row.length - 1) / 2))
  }
  for (const row of rows) note(row)
  for (let sweep = 0; sweep < 6; sweep++) {
    const down = sweep % 2 === 0
    for (const row of down ? rows : rows.toReversed()) {
      const weight = new Map(
        row.map((id) => {
          const mine = layers.get(id) ?? 0
          const near = (beside.get(id) ?? []).filter((other) => {
            const there = layers.get(other) ?? 0
            return down ? there < mine : there > mine
          })
          const sum = near.reduce((total, other) => total + (place.get(other) ?? 0), 0)
          return [id, near.length > 0 ? sum / near.length : (place.get(id) ?? 0)]
        }),
      )
      row.sort((a, b) => weight.get(a)! - weight.get(b)!)
      note(row)
    }
  }
  return rows
}

/** From left to right: who waits, the lock, who holds it, what that one waits for, and so on. */
export function layout(graph: Pick<Graph, 'nodes' | 'edges'>): Layout {
  const placed: Placed[] = []
  const arcs: Arc[] = []
  let [top, width] = [0, 0]
  for (const part of partsOf(gather(graph))) {
    const layers = layersOf(part)
    const { plain, bends } = bend(part, layers)
    const rows = ordered(plain, layers)
    const tallest = Math.max(...rows.map((row) => row.length))
    const stuck = new Set(part.edges.filter((e) => e.deadlock).flatMap((e) => [e.from, e.to]))
    const at = new Map<string, { x: number; y: number }>()
    const nodes = new Map(part.nodes.map((node) => [node.id, node]))
    rows.forEach((row, layer) => {
      row.forEach((id, i) => {
        const x = layer * (NODE.width + NODE.across)
        const y = top + (i + (tallest - row.length) / 2) * (NODE.height + NODE.down)
        at.set(id, { x, y })
        const node = nodes.get(id)
        if (node) placed.push({ node, x, y, deadlock: stuck.has(id) })
      })
    })
    let bottom = top + tallest * (NODE.height + NODE.down) - NODE.down
    for (const edge of part.edges) {
      const [a, b] = [at.get(edge.from)!, at.get(edge.to)!]
      const [x1, y1] = [a.x + NODE.width, a.y + NODE.height / 2]
      const [x2, y2] = [b.x, b.y + NODE.height / 2]
      if (x2 > x1) {
        let [path, x, y] = [`M${x1} ${y1}`, x1, y1]
        const curve = (toX: number, toY: number): void => {
          const half = (x + toX) / 2
          path += `C${half} ${y} ${half} ${toY} ${toX} ${toY}`
          ;[x, y] = [toX, toY]
        }
        for (const id of bends.get(edge) ?? []) {
          const point = at.get(id)!
          curve(point.x, point.y + NODE.height / 2)
          path += `H${(x = point.x + NODE.width)}`
        }
        curve(x2 - 2, y2)
        arcs.push({ edge, path })
        continue
      }
      // Back under everything, each on a lane of its own.
      bottom += NODE.lane
      const out = NODE.across / 2
      arcs.push({
        edge,
        path:
          `M${x1} ${y1}C${x1 + out} ${y1} ${x1 + out} ${bottom} ${x1} ${bottom}` +
          `L${x2} ${bottom}C${x2 - out} ${bottom} ${x2 - out} ${y2} ${x2 - 2} ${y2}`,
      })
    }
    width = Math.max(width, rows.length * (NODE.width + NODE.across) - NODE.across)
    top = bottom + NODE.between
  }
  return { nodes: placed, arcs, width, height: Math.max(0, top - NODE.between) }
}
