import { z } from 'zod'
import { Problem } from '../contract/common.ts'
import { CONSOLE_PATH } from '../contract/consoles.ts'
import type { Route } from '../contract/route.ts'
import { contract } from '../contract.ts'
import { verbOf } from './guard.ts'

type Json = { [key: string]: unknown }

const GROUPS: Readonly<Record<string, string>> = {
  session: 'Logging in and out, and who one is',
  users: 'People and what they may do',
  tokens: 'Secrets of programs',
  audit: 'Who changed what',
  machines: 'Computers, what they boot, and how their boots went',
  power: 'Switching machines, and what their own BMCs say',
  bmcs: 'BMCs that are answered for machines, by IPMI and Redfish',
  images: 'Disks, kernels, initrds and discs with their versions',
  volumes: 'Disks that are served over iSCSI, who is logged in, and the masters of diskless profiles',
  storage: 'Physical volumes, volume groups and logical volumes of the server',
  profiles: 'What a machine becomes',
  configs: 'Templates that say what machines become, in the languages of their installers',
  deployments: 'Orders that machines become something',
  agent: 'The management OS',
  networks: 'Subnets that our DHCP server serves, and their leases',
  settings: 'The server itself',
  events: 'What changes, as it changes',
  lab: 'Virtual machines for trying things out; only where the lab is switched on',
  console: 'Serial consoles',
}

/** The OpenAPI 3.1 document, made from the contract alone. */
export function openapiDocument(version: string): Json {
  const schemas = new Schemas()
  const paths: { [path: string]: Json } = {}
  for (const [id, route] of Object.entries<Route>(contract)) {
    const operations = paths[route.path] ?? {}
    operations[route.method.toLowerCase()] = operationOf(id, route, schemas)
    paths[route.path] = operations
  }
  const problem = schemas.of(Problem, 'output')
  return {
    openapi: '3.1.0',
    info: {
      title: 'Reveille',
      version,
      summary: 'Network boot for bare metal',
      description:
        'Lists answer one page and, in `next`, the `cursor` of the page behind it. Errors are RFC 9457 problem details; ' +
        `their \`code\` is stable. The serial console of a machine is a WebSocket at \`${CONSOLE_PATH}\`.`,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: Object.entries(GROUPS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: schemas.all(),
      responses: {
        Problem: {
          description: 'Refused or failed: `code` says which, `detail` what happened, `next` what to do',
          content: { 'application/problem+json': { schema: problem } },
        },
      },
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'A token, made with POST /api/v1/tokens' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'reveille_session',
          description: 'Set by POST /api/v1/session; changes also need the header X-Reveille-CSRF',
        },
      },
    },
  }
}

function operationOf(id: string, route: Route, schemas: Schemas): Json {
  const open = route.needs === 'public'
  const scope = `${route.group}:${verbOf(route.method)}`
  const body =
    route.body === 'bytes'
      ? { required: true, content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } } }
      : route.body && {
          required: !route.body.safeParse(undefined).success,
          content: { 'application/json': { schema: schemas.of(route.body, 'input') } },
        }
  return {
    operationId: id,
    summary: route.summary,
    description: open
      ? 'Needs no login.'
      : `Needs the role \`${route.needs}\`; a token also needs the scope \`${scope}\`.`,
    tags: [route.group],
    ...(open ? { security: [] } : { security: [{ token: [] }, { session: [] }] }),
    parameters: [...schemas.parameters(route.params, 'path'), ...schemas.parameters(route.query, 'query')],
    ...(body ? { requestBody: body } : {}),
    responses: {
      [route.status ?? 200]: answerOf(route, schemas),
      default: { $ref: '#/components/responses/Problem' },
    },
  }
}

function answerOf({ response }: Route, schemas: Schemas): Json {
  if (response === 'nothing') return { description: 'Done' }
  if (response === 'events')
    return {
      description: 'A stream that does not end',
      content: { 'text/event-stream': { schema: { type: 'string' } } },
    }
  if (response === 'bytes')
    return {
      description: 'The bytes',
      content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
    }
  return { description: 'Done', content: { 'application/json': { schema: schemas.of(response, 'output') } } }
}

/** Turns the schemas of the contract into those of the document; named ones become components. */
class Schemas {
  readonly #components = new Map<string, Json>()

  of(schema: z.ZodType, io: 'input' | 'output'): Json {
    const made = z.toJSONSchema(schema, {
      io,
      target: 'draft-2020-12',
      // A shape that cannot be said in JSON Schema must fail the test, not become "anything".
      unrepresentable: 'throw',
      override: ({ jsonSchema }) => {
        // Later versions may answer more: clients must not refuse it.
        if (io === 'output') delete jsonSchema.additionalProperties
      },
    }) as Json
    const { $schema: _, $defs, ...rest } = made
    for (const [name, definition] of Object.entries(($defs ?? {}) as { [name: string]: Json }))
      this.#components.set(name, refer(definition))
    const { id, ...anonymous } = rest
    if (typeof id !== 'string') return refer(rest)
    this.#components.set(id, refer(anonymous))
    return { $ref: `#/components/schemas/${id}` }
  }

  parameters(schema: z.ZodType | undefined, place: 'path' | 'query'): Json[] {
    if (!schema) return []
    const { properties = {}, required = [] } = this.of(schema, 'input') as {
      properties?: { [name: string]: Json }
      required?: string[]
    }
    return Object.entries(properties).map(([name, { description, ...rest }]) => ({
      name,
      in: place,
      required: place === 'path' || required.includes(name),
      ...(description === undefined ? {} : { description }),
      schema: rest,
    }))
  }

  all(): Json {
    return Object.fromEntries([...this.#components].sort(([a], [b]) => (a < b ? -1 : 1)))
  }
}

/** Points references at the components, and leaves the ids out that were only needed to name them. */
function refer(value: Json): Json {
  return JSON.parse(JSON.stringify(value), (key, part: unknown) => {
    if (key === '$ref' && typeof part === 'string') return part.replace('#/$defs/', '#/components/schemas/')
    return key === 'id' && typeof part === 'string' ? undefined : part
  }) as Json
}
