import { z } from 'zod'
import { CONFIG_KINDS, VARIABLE_TYPES } from '../../configs/config.ts'
import { Name } from '../../profiles/profile.ts'
import { PageQuery, page, Time } from './common.ts'
import { route } from './route.ts'

const ConfigParams = z.object({ config: Name })
const VariableName = z
  .string()
  .regex(
    /^[a-z][a-z0-9_]{0,62}$/,
    'a variable has 1 to 63 lower-case letters, digits and underscores, and starts with a letter',
  )
const PartName = z
  .string()
  .max(200)
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_./-]*$/, 'a part is named main, user-data, ..., or by a relative path')
  .refine((name) => !name.split('/').includes('..'), 'a path without ..')
const Part = z
  .object({
    name: PartName,
    content: z.string().max(1_048_576),
    executable: z.boolean().optional().meta({ description: 'in a tree of Butane: its file gets mode 0755, not 0644' }),
  })
  .strict()
const Variable = z
  .object({
    name: VariableName,
    type: z.enum(VARIABLE_TYPES).default('string'),
    default: z
      .union([z.string().max(65_536), z.number(), z.boolean(), z.array(z.string().max(4096)).max(1000)])
      .nullable()
      .default(null),
    description: z.string().max(500).default(''),
  })
  .strict()

export const ConfigProblem = z
  .object({
    severity: z.enum(['error', 'warning']),
    part: z.string(),
    path: z.string(),
    line: z.number().int().nullable(),
    column: z.number().int().nullable(),
    message: z.string(),
    hint: z.string(),
  })
  .meta({ id: 'ConfigProblem' })
export type ConfigProblem = z.infer<typeof ConfigProblem>

export const ConfigVersionInfo = z
  .object({
    number: z.number().int(),
    variables: z.array(Variable),
    parts: z.array(z.object({ name: z.string(), bytes: z.number().int() })),
    note: z.string(),
    createdAt: Time,
    createdBy: z.string(),
  })
  .meta({ id: 'ConfigVersion' })

export const ConfigInfo = z
  .object({
    name: z.string(),
    kind: z.enum(CONFIG_KINDS),
    description: z.string(),
    latest: z.number().int(),
    versions: z.array(ConfigVersionInfo),
    /** Profiles and configs that name it. */
    usedBy: z.array(z.string()),
    createdAt: Time,
    updatedAt: Time,
  })
  .meta({ id: 'Config' })
export type ConfigInfo = z.infer<typeof ConfigInfo>

const NewVersion = {
  parts: z.array(Part).min(1).max(64),
  variables: z.array(Variable).max(200).default([]),
  note: z.string().max(500).default(''),
}

export const ConfigValue = z
  .object({
    scope: z.string().meta({ description: '`all`, `tag:NAME` or `machine:NAME`' }),
    name: VariableName,
    value: z.unknown(),
    /** Its value is kept sealed and not shown. */
    secret: z.boolean(),
    updatedAt: Time,
  })
  .meta({ id: 'ConfigValue' })

const VersionQuery = z.object({ version: z.coerce.number().int().min(1).optional() })

/** Templates that say what machines become. Roles: reading `viewer` (rendering `operator`: it may show secrets' places), changing `operator`. */
export const configRoutes = {
  listConfigs: route({
    method: 'GET',
    path: '/api/v1/configs',
    summary: 'List configs',
    group: 'configs',
    needs: 'viewer',
    query: PageQuery.extend({ kind: z.enum(CONFIG_KINDS).optional(), q: z.string().optional() }),
    response: page(ConfigInfo),
  }),
  createConfig: route({
    method: 'POST',
    path: '/api/v1/configs',
    summary: 'Add a config; refused with all its problems when it is not valid',
    group: 'configs',
    needs: 'operator',
    body: z
      .object({ name: Name, kind: z.enum(CONFIG_KINDS), description: z.string().max(500).default(''), ...NewVersion })
      .strict(),
    response: ConfigInfo,
    status: 201,
    action: 'config.create',
  }),
  getConfig: route({
    method: 'GET',
    path: '/api/v1/configs/{config}',
    summary: 'One config with its versions',
    group: 'configs',
    needs: 'viewer',
    params: ConfigParams,
    response: ConfigInfo,
  }),
  getConfigVersion: route({
    method: 'GET',
    path: '/api/v1/configs/{config}/versions/{version}',
    summary: 'The texts of one version (a number, or latest)',
    group: 'configs',
    needs: 'viewer',
    params: ConfigParams.extend({ version: z.string().regex(/^(latest|[1-9][0-9]{0,8})$/) }),
    response: ConfigVersionInfo.extend({ parts: z.array(Part) }).meta({ id: 'ConfigVersionContent' }),
  }),
  addConfigVersion: route({
    method: 'POST',
    path: '/api/v1/configs/{config}/versions',
    summary:
      'Add a version; none is made when nothing changed, and refused when some machine that uses it could not be configured by it',
    group: 'configs',
    needs: 'operator',
    params: ConfigParams,
    body: z.object(NewVersion).strict(),
    response: ConfigInfo,
    action: 'config.version',
  }),
  removeConfig: route({
    method: 'DELETE',
    path: '/api/v1/configs/{config}',
    summary: 'Delete a config; refused while a profile or another config names it',
    group: 'configs',
    needs: 'operator',
    params: ConfigParams,
    response: 'nothing',
    status: 204,
    action: 'config.delete',
  }),
  validateConfig: route({
    method: 'POST',
    path: '/api/v1/configs/validate',
    summary: 'Check a config without keeping it: for one machine, for all that use it, or by itself',
    group: 'configs',
    needs: 'viewer',
    body: z
      .object({
        kind: z.enum(CONFIG_KINDS),
        ...NewVersion,
        /** A machine by id, name or MAC. */
        machine: z.string().max(100).optional(),
        /** As if it were the next version of this config: for every machine that uses it. */
        insteadOf: Name.optional(),
      })
      .strict(),
    response: z.object({
      valid: z.boolean(),
      problems: z.array(ConfigProblem.extend({ machine: z.string().nullable() })),
      machines: z.number().int(),
    }),
  }),
  renderConfig: route({
    method: 'GET',
    path: '/api/v1/configs/{config}/render',
    summary: 'What a machine would be given; secrets are shown as [secret]',
    group: 'configs',
    needs: 'operator',
    params: ConfigParams,
    query: VersionQuery.extend({ machine: z.string().min(1).max(100) }),
    response: z
      .object({
        config: z.string(),
        version: z.number().int(),
        kind: z.enum(CONFIG_KINDS),
        parts: z.array(
          z.object({ name: z.string(), contentType: z.string(), content: z.string(), secret: z.boolean() }),
        ),
        problems: z.array(ConfigProblem),
      })
      .meta({ id: 'RenderedConfig' }),
  }),
  diffConfig: route({
    method: 'GET',
    path: '/api/v1/configs/{config}/diff',
    summary:
      'What changed between two versions, as a unified diff; with a machine, between what it would be given (secrets hidden)',
    group: 'configs',
    needs: 'operator',
    params: ConfigParams,
    query: z.object({
      from: z.coerce.number().int().min(1),
      to: z.coerce.number().int().min(1),
      machine: z.string().max(100).optional(),
    }),
    response: z.object({ diff: z.string() }),
  }),
  listConfigValues: route({
    method: 'GET',
    path: '/api/v1/config-values',
    summary: 'Values of variables: of all machines, of a tag, of one machine',
    group: 'configs',
    needs: 'viewer',
    query: PageQuery.extend({
      scope: z.string().max(150).optional(),
      q: z.string().max(100).optional().meta({ description: 'part of a name or scope' }),
    }),
    response: page(ConfigValue),
  }),
  setConfigValue: route({
    method: 'PUT',
    path: '/api/v1/config-values/{scope}/{name}',
    summary: 'Set a value; a secret is sealed and never shown again',
    group: 'configs',
    needs: 'operator',
    params: z.object({ scope: z.string().max(150), name: VariableName }),
    body: z.object({ value: z.unknown(), secret: z.boolean().default(false) }).strict(),
    response: ConfigValue,
    action: 'config.value.set',
  }),
  removeConfigValue: route({
    method: 'DELETE',
    path: '/api/v1/config-values/{scope}/{name}',
    summary: 'Remove a value',
    group: 'configs',
    needs: 'operator',
    params: z.object({ scope: z.string().max(150), name: VariableName }),
    response: 'nothing',
    status: 204,
    action: 'config.value.remove',
  }),
} as const
