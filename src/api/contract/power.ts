import { z } from 'zod'
import { BOOT_DEVICES } from '../../power/boot-order.ts'
import { CAPABILITIES } from '../../power/driver.ts'
import { POWER_ACTIONS } from '../../power/power.ts'
import { SENSOR_KINDS } from '../../power/sensor.ts'
import { DRIVER_KINDS, DriverSettings } from '../../power/settings.ts'
import { PageQuery, page, Time } from './common.ts'
import { MachineReference } from './machines.ts'
import { route } from './route.ts'

/** A machine's own name for a driver; routes of BMCs use it. */
export const DriverName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/, 'a driver name has 1 to 32 lower-case letters, digits and hyphens')

export const DriverHealth = z
  .object({
    /** 0 (never answers) to 100, from the outcomes of its newest calls. */
    score: z.number().int(),
    /** `open`: it failed so often that it rests until `retryAt`. */
    circuit: z.enum(['closed', 'open', 'half-open']),
    retryAt: Time.nullable(),
    lastSuccessAt: Time.nullable(),
    lastFailureAt: Time.nullable(),
    lastFailure: z.string().nullable(),
    /** Of answers, in milliseconds. */
    medianMs: z.number().nullable(),
  })
  .meta({ id: 'DriverHealth' })

export const PowerDriverInfo = z
  .object({
    name: z.string(),
    kind: z.enum(DRIVER_KINDS),
    position: z.number().int(),
    settings: DriverSettings,
    /** What secrets are kept; never the secrets. */
    secrets: z.array(z.string()),
    capabilities: z.array(z.enum(CAPABILITIES)),
    missing: z.array(z.enum(CAPABILITIES)),
    health: DriverHealth,
    /** Whether it is there by itself (lab, agent) and cannot be changed. */
    builtIn: z.boolean(),
    /** What a person is asked to do now, by a driver of kind manual. */
    asking: z
      .object({ action: z.enum(POWER_ACTIONS), instructions: z.string(), askedAt: Time, deadlineAt: Time })
      .optional(),
  })
  .meta({ id: 'PowerDriver' })
export type PowerDriverInfo = z.infer<typeof PowerDriverInfo>

/** What did not work, with which driver. */
export const PowerProblem = z.object({ driver: z.string(), cause: z.string() }).meta({ id: 'PowerProblem' })

/** `open`: nothing tells whether it was carried out; `failed`: it was not taken. */
export const PowerStep = z
  .object({
    at: Time,
    driver: z.string(),
    action: z.enum(POWER_ACTIONS),
    outcome: z.enum(['confirmed', 'refuted', 'open', 'failed']),
    said: z.string(),
  })
  .meta({ id: 'PowerStep' })

export const PowerStatus = z
  .object({
    /** What was read; `unknown` when it could not be. */
    state: z.enum(['on', 'off', 'unknown']),
    /** The driver that said so. */
    driver: z.string(),
    /** When it was read: now, unless a cached state was asked for. */
    checkedAt: Time,
    /** After an action: whether what was read back is what the action leads to. `null`: nothing was ordered, or it cannot be told. */
    confirmed: z.boolean().nullable(),
    /** What did not work on the way, driver by driver. */
    problems: z.array(PowerProblem),
    /** After an action: every order that was given for it, in turn. More than one where drivers failed or a restart was not seen. */
    steps: z.array(PowerStep).optional(),
  })
  .meta({ id: 'PowerStatus' })
export type PowerStatus = z.infer<typeof PowerStatus>

export const BootOrderInfo = z
  .object({ device: z.enum(BOOT_DEVICES), persistent: z.boolean(), efi: z.boolean() })
  .meta({ id: 'BootOrder' })

export const SensorReading = z
  .object({
    name: z.string(),
    kind: z.enum(SENSOR_KINDS),
    unit: z.string(),
    value: z.number().nullable(),
    state: z.enum(['ok', 'warning', 'critical', 'unknown']),
    lowCritical: z.number().nullable(),
    lowWarning: z.number().nullable(),
    highWarning: z.number().nullable(),
    highCritical: z.number().nullable(),
    text: z.string(),
  })
  .meta({ id: 'Sensor' })

export const HardwareEventInfo = z
  .object({
    id: z.number().int(),
    at: Time.nullable(),
    sensor: z.string(),
    text: z.string(),
    severity: z.enum(['ok', 'warning', 'critical', 'unknown']),
  })
  .meta({ id: 'HardwareEvent' })

const nullableText = z.string().nullable()
export const FruInfo = z
  .object({
    manufacturer: nullableText,
    product: nullableText,
    partNumber: nullableText,
    serial: nullableText,
    assetTag: nullableText,
    boardManufacturer: nullableText,
    boardProduct: nullableText,
    boardSerial: nullableText,
    chassisSerial: nullableText,
  })
  .meta({ id: 'Fru' })

const DriverParams = MachineReference.extend({ driver: DriverName })
/** Ask this driver only; the first that can if left out. */
const DriverQuery = z.object({ driver: DriverName.optional() })
/** Values are never shown again. */
export const DriverSecrets = z.record(z.string().max(32), z.string().min(1).max(20_000)).meta({
  description: 'secrets of the driver: password, privateKey, token, ...; null keeps those that are kept',
})

/** Reading and switching; the drivers of machines. Roles: reading `viewer`, switching `user`, drivers `operator`. */
export const powerRoutes = {
  listPower: route({
    method: 'GET',
    path: '/api/v1/power',
    summary: 'What was read last of every machine that can be switched, and when',
    group: 'power',
    needs: 'viewer',
    query: PageQuery.extend({
      tag: z.string().max(63).optional().meta({ description: 'machines with this tag only' }),
    }),
    response: page(
      z
        .object({
          machine: z.string(),
          name: z.string(),
          state: z.enum(['on', 'off', 'unknown']),
          driver: z.string().nullable(),
          readAt: Time.nullable(),
          /** Why it could not be read; empty when it was. */
          problem: z.string(),
          score: z.number().int().nullable(),
        })
        .meta({ id: 'PowerReading' }),
    ),
  }),
  getPower: route({
    method: 'GET',
    path: '/api/v1/machines/{machine}/power',
    summary:
      'Read the power state from its drivers; with `cached` or `maxAge` (seconds) what was read last, if that is no older',
    group: 'power',
    needs: 'viewer',
    params: MachineReference,
    query: DriverQuery.extend({
      cached: z.enum(['true', 'false']).optional(),
      maxAge: z.coerce.number<number | string>().int().min(0).max(86_400).optional(),
    }),
    response: PowerStatus,
  }),
  setPower: route({
    method: 'POST',
    path: '/api/v1/machines/{machine}/power',
    summary: 'Switch the machine; the answer is the state read back',
    group: 'power',
    needs: 'user',
    params: MachineReference,
    query: DriverQuery,
    body: z
      .object({
        action: z.enum(POWER_ACTIONS),
        /** How long the outcome is looked for, in seconds, for each driver that is tried. */
        wait: z.number().min(0).max(300).default(15),
      })
      .strict(),
    response: PowerStatus,
    action: 'machine.power',
  }),
  listPowerDrivers: route({
    method: 'GET',
    path: '/api/v1/machines/{machine}/power/drivers',
    summary: 'The drivers of a machine in the order in which they are tried, what each can do and how healthy it is',
    group: 'power',
    needs: 'viewer',
    params: MachineReference,
    response: z.object({ items: z.array(PowerDriverInfo) }),
  }),
  putPowerDriver: route({
    method: 'PUT',
    path: '/api/v1/machines/{machine}/power/drivers/{driver}',
    summary: 'Add or change a driver; a new address, user or pinned key drops the secrets that are not given again',
    group: 'power',
    needs: 'operator',
    params: DriverParams,
    body: z
      .object({
        settings: DriverSettings,
        secrets: DriverSecrets.nullable().default(null),
        /** Place among the drivers, 0 first; the last one if left out. */
        position: z.number().int().min(0).max(15).optional(),
      })
      .strict(),
    response: PowerDriverInfo,
    action: 'power.driver.set',
  }),
  removePowerDriver: route({
    method: 'DELETE',
    path: '/api/v1/machines/{machine}/power/drivers/{driver}',
    summary: 'Forget a driver and its secrets',
    group: 'power',
    needs: 'operator',
    params: DriverParams,
    response: 'nothing',
    status: 204,
    action: 'power.driver.remove',
  }),
  probePowerDriver: route({
    method: 'POST',
    path: '/api/v1/machines/{machine}/power/drivers/{driver}/probe',
    summary: 'Log in and see what it is; switches nothing',
    group: 'power',
    needs: 'operator',
    params: DriverParams,
    response: z.object({ ok: z.boolean(), detail: z.string(), next: z.string().nullable() }),
    action: 'power.driver.probe',
  }),
  getBootOrder: route({
    method: 'GET',
    path: '/api/v1/machines/{machine}/power/boot-order',
    summary: 'What the firmware was told to boot from, read back from it',
    group: 'power',
    needs: 'viewer',
    params: MachineReference,
    query: DriverQuery,
    response: z.object({ order: BootOrderInfo.nullable(), driver: z.string() }),
  }),
  setBootOrder: route({
    method: 'PUT',
    path: '/api/v1/machines/{machine}/power/boot-order',
    summary: 'Tell the firmware what to boot from, and read it back',
    group: 'power',
    needs: 'user',
    params: MachineReference,
    query: DriverQuery,
    body: z.object({ order: BootOrderInfo.nullable() }).strict(),
    response: z
      .object({
        order: BootOrderInfo.nullable(),
        driver: z.string(),
        /** Whether just that was read back; `null`: this driver cannot read it. */
        confirmed: z.boolean().nullable(),
        /** What drivers before it said; left out by none. */
        problems: z.array(PowerProblem).optional(),
      })
      .meta({ id: 'BootOrderReport' }),
    action: 'power.boot-order',
  }),
  identifyMachine: route({
    method: 'POST',
    path: '/api/v1/machines/{machine}/power/identify',
    summary: 'Light the lamp of a machine; 0 seconds puts it out, null leaves it on',
    group: 'power',
    needs: 'user',
    params: MachineReference,
    query: DriverQuery,
    body: z.object({ seconds: z.number().int().min(0).max(255).nullable().default(15) }).strict(),
    response: 'nothing',
    status: 204,
    action: 'power.identify',
  }),
  readSensors: route({
    method: 'GET',
    path: '/api/v1/machines/{machine}/power/sensors',
    summary: 'Read its sensors',
    group: 'power',
    needs: 'viewer',
    params: MachineReference,
    query: DriverQuery,
    response: z.object({ driver: z.string(), items: z.array(SensorReading) }),
  }),
  readHardwareEvents: route({
    method: 'GET',
    path: '/api/v1/machines/{machine}/power/events',
    summary: 'Read its own event log (SEL)',
    group: 'power',
    needs: 'viewer',
    params: MachineReference,
    query: DriverQuery,
    response: z.object({ driver: z.string(), items: z.array(HardwareEventInfo) }),
  }),
  clearHardwareEvents: route({
    method: 'DELETE',
    path: '/api/v1/machines/{machine}/power/events',
    summary: 'Clear its own event log (SEL)',
    group: 'power',
    needs: 'operator',
    params: MachineReference,
    query: DriverQuery,
    response: 'nothing',
    status: 204,
    action: 'power.events.clear',
  }),
  readFru: route({
    method: 'GET',
    path: '/api/v1/machines/{machine}/power/fru',
    summary: 'What the machine says it is made of',
    group: 'power',
    needs: 'viewer',
    params: MachineReference,
    query: DriverQuery,
    response: FruInfo.extend({ driver: z.string() }).meta({ id: 'FruReading' }),
  }),
  getMedia: route({
    method: 'GET',
    path: '/api/v1/machines/{machine}/power/media',
    summary: 'What is in its virtual drive',
    group: 'power',
    needs: 'viewer',
    params: MachineReference,
    query: DriverQuery,
    response: z.object({ url: z.string().nullable(), driver: z.string() }),
  }),
  setMedia: route({
    method: 'PUT',
    path: '/api/v1/machines/{machine}/power/media',
    summary:
      'Put a disc into its virtual drive: an address, an iso image of ours, or `boot` for the disc that boots from this server',
    group: 'power',
    needs: 'operator',
    params: MachineReference,
    query: DriverQuery,
    body: z.object({ media: z.string().max(2000).nullable() }).strict(),
    response: z.object({ url: z.string().nullable(), driver: z.string() }),
    action: 'power.media',
  }),
  answerManualPower: route({
    method: 'POST',
    path: '/api/v1/machines/{machine}/power/drivers/{driver}/done',
    summary: 'Tell the manual driver what was done by hand, and what the state is now',
    group: 'power',
    needs: 'user',
    params: DriverParams,
    body: z.object({ state: z.enum(['on', 'off']) }).strict(),
    response: 'nothing',
    status: 204,
    action: 'power.manual.done',
  }),
} as const
