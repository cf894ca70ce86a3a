import { dashboard } from '../../../../dashboard.mjs'

export const dynamic = 'force-dynamic'
export const GET = (request) => dashboard.fetch(request)
export const POST = GET
