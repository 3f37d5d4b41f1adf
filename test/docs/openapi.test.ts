import { Validator } from '@seriousme/openapi-schema-validator'
import { describe, expect, test } from 'vitest'
import type { Route } from '../../src/api/contract/route.ts'
import { contract } from '../../src/api/contract.ts'
import { openapiDocument } from '../../src/api/server/openapi.ts'

type Operation = {
  operationId: string
  security: unknown[]
  tags: string[]
  parameters: { name: string; in: string; required: boolean }[]
  responses: Record<string, unknown>
}
const document = openapiDocument('0.1.0') as {
  paths: Record<string, Record<string, Operation>>
  tags: { name: string }[]
  components: { schemas: Record<string, object> }
}
const text = JSON.stringify(document)

describe('the OpenAPI document', () => {
  test('is valid OpenAPI 3.1', async () => {
    const validator = new Validator()
    const result = await validator.validate(structuredClone(document))
    expect(result).toMatchObject({ valid: true })
    expect(validator.version).toBe('3.1')
  })

  test('has every route of the contract, and no other', () => {
    const described = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, { operationId }]) => `${operationId} ${method.toUpperCase()} ${path}`),
    )
    const wanted = Object.entries<Route>(contract).map(([id, { method, path }]) => `${id} ${method} ${path}`)
    expect(described.sort()).toEqual(wanted.sort())
  })

  test('names every parameter of a path, a known group, and who may not come in', () => {
    const groups = document.tags.map(({ name }) => name)
    for (const [path, operations] of Object.entries(document.paths))
      for (const { operationId, parameters, tags, security, responses } of Object.values(operations)) {
        const named = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)
        expect(named, operationId).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name))
        expect(groups, operationId).toContain(tags[0])
        expect(security.length === 0, operationId).toBe(operationId === 'login')
        expect(responses, operationId).toHaveProperty('default')
      }
  })

  test('leaves no reference open and no shape unused', () => {
    const used = new Set([...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name))
    expect([...used].sort()).toEqual(Object.keys(document.components.schemas).sort())
    expect(text).not.toContain('$defs')
  })

  test('lets answers grow, but takes no unknown fields', () => {
    const { Machine, NewMachine } = document.components.schemas
    expect(Machine).not.toHaveProperty('additionalProperties')
    expect(NewMachine).toHaveProperty('additionalProperties', false)
  })
})
