/** A lock that nobody renews, as `acquire` and `renew` print it: `validFor` is in ms, from now on. */
export function leaseOf(lease: {
  readonly name: string
  readonly prefix: string
  readonly owner: string
  readonly fence: number
  readonly validFor: number
}): { readonly json: object; readonly text: string } {
  const { name, prefix, owner, fence, validFor } = lease
  const expiresAt = Math.floor(Date.now() + validFor)
  return {
    json: { name, owner, fence: String(fence), validFor, expiresAt },
    text: exportsOf({
      HOLDFAST_NAME: name,
      HOLDFAST_PREFIX: prefix,
      HOLDFAST_OWNER: owner,
      HOLDFAST_FENCE: String(fence),
      HOLDFAST_EXPIRES_AT: String(expiresAt),
    }),
  }
}

/** Lines for a POSIX shell to evaluate. */
function exportsOf(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([key, value]) => `export ${key}=${quote(value)}`)
    .join('\n')
}

const quote = (text: string): string =>
  /^[\w.:/@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
