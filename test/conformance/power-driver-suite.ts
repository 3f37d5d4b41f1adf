import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Refusal } from '../../src/kit/errors.ts'
import { type Capability, capabilitiesOf, DRIVER_DEADLINE_MS, type PowerDriver } from '../../src/power/driver.ts'
import { POWER_ACTIONS, type PowerAction, type PowerState } from '../../src/power/power.ts'

/** What really became of the machine behind a driver, counted from when the bed was made. */
export type Deeds = {
  on: boolean
  /** From off to on, and restarts of a system that ended cleanly. */
  starts: number
  /** Restarts without that. */
  resets: number
  /** Requests to the system to end. */
  softs: number
  interrupts: number
}

/** One machine, one way to reach it, and a look behind it. */
export type PowerBed = Readonly<{
  driver(): PowerDriver
  capabilities: readonly Capability[]
  /** `undefined`: nothing of this machine can be seen but what was sent to it. */
  deeds(): Deeds | Promise<Deeds>
  set(on: boolean): void | Promise<void>
  /** What `state` is while the machine is off: a driver that needs its system refuses. `off` if left out. */
  whileOff?: PowerState | 'refused'
  /** Actions that are refused (`wrong-state`) while it is off. */
  refusedWhileOff?: readonly PowerAction[]
  /** Where a login is refused; left out where there is none. */
  stranger?(): PowerDriver
  /** Where nothing answers; left out where nothing ever does. */
  unreachable?(): PowerDriver
  /** What no refusal may hold. */
  secrets?: readonly string[]
  /** The computer that stands in has nothing that says what it is made of: refused (`wrong-state`). */
  withoutFru?: boolean
  /** The console answers what is written with at least the same. */
  echoes?: boolean
  /** A boot device that it can be told, and one that it cannot. */
  boot?: Readonly<{ can: 'pxe' | 'disk'; cannot: 'cdrom' | 'usb' | 'media' | 'http'; seen(): string | Promise<string> }>
  close(): void | Promise<void>
}>

/** What each action must do to a machine that is on, or to one that is off for `on`. */
const DEEDS: Readonly<Record<PowerAction, (before: Deeds, after: Deeds) => boolean>> = {
  on: (before, after) => after.on && after.starts > before.starts,
  off: (_, after) => !after.on,
  cycle: (before, after) => after.on && after.starts > before.starts,
  reset: (before, after) => after.on && after.resets > before.resets,
  soft: (before, after) => after.softs > before.softs,
  diag: (before, after) => after.interrupts > before.interrupts,
}

const IGNORED = new Error('the machine has not done it')

/** The promises of `PowerDriver` that hold for every driver there is. */
export function describePowerDriver(name: string, open: () => PowerBed | Promise<PowerBed>): void {
  describe(`the ${name} driver`, () => {
    let bed: PowerBed
    beforeEach(async () => {
      bed = await open()
    })
    afterEach(() => bed.close())

    test('names what it can, and no more', () => {
      const driver = bed.driver()
      expect([...capabilitiesOf(driver)].sort()).toEqual([...bed.capabilities].sort())
      expect(new Set(driver.actions).size).toBe(driver.actions.length)
    })

    test.each(POWER_ACTIONS)('does %s to the machine, or says that it cannot', async (action) => {
      const driver = bed.driver()
      await bed.set(action !== 'on')
      const before = { ...(await bed.deeds()) }
      if (!driver.actions.includes(action)) {
        await expect(driver.perform(action)).rejects.toMatchObject({
          code: 'wrong-state',
          next: expect.stringMatching(/./),
        })
        expect(await bed.deeds()).toEqual(before)
        return
      }
      await driver.perform(action)
      await vi.waitFor(
        async () => {
          if (!DEEDS[action](before, await bed.deeds())) throw IGNORED
        },
        { timeout: 20_000, interval: 20 },
      )
      await driver.close()
    })

    test('what is on is not started again by switching it on', async () => {
      const driver = bed.driver()
      if (!driver.actions.includes('on') || !driver.state) return
      await bed.set(true)
      const { starts } = await bed.deeds()
      await driver.perform('on')
      expect(await bed.deeds()).toMatchObject({ on: true, starts })
    })

    test('what cannot be done while the machine is off is refused', async () => {
      await bed.set(false)
      for (const action of bed.refusedWhileOff ?? [])
        await expect(bed.driver().perform(action)).rejects.toMatchObject({
          code: 'wrong-state',
          next: expect.stringMatching(/./),
        })
    })

    test('its state is what is so now', async () => {
      const driver = bed.driver()
      if (!driver.state) return
      const { whileOff = 'off' } = bed
      for (const on of [true, false, true]) {
        await bed.set(on)
        if (on || whileOff !== 'refused') expect(await driver.state()).toBe(on ? 'on' : whileOff)
        else await expect(driver.state()).rejects.toMatchObject({ code: 'not-available' })
      }
    })

    test('several ask it at the same time', async () => {
      const driver = bed.driver()
      await bed.set(true)
      const answers = await Promise.all(
        Array.from({ length: 5 }, () => (driver.state ? driver.state() : driver.probe())),
      )
      expect(new Set(answers).size).toBe(1)
    })

    test('it says in one line what it found, and may be asked again after it was closed', async () => {
      const driver = bed.driver()
      await bed.set(true)
      expect(await driver.probe()).toMatch(/^[^\n]{5,400}$/)
      await driver.close()
      await driver.close()
      expect(await driver.probe()).toMatch(/^[^\n]{5,400}$/)
      if (driver.state) expect(await driver.state()).toBe('on')
      await driver.close()
    })

    test('a refused login is called that, and every refusal says what to do and holds no secret', async () => {
      const driver = bed.stranger?.()
      if (!driver) return
      await bed.set(true)
      for (const ask of questions(driver)) {
        const refusal = await refusalOf(ask())
        expect(refusal.code).toBe('wrong-credentials')
        assertTellable(refusal, bed)
      }
      await driver.close()
    })

    test(
      'where nothing answers it ends by itself, and says so',
      async () => {
        const { unreachable } = bed
        if (!unreachable) return
        // Each by a driver of its own, all at once: every one of them waits in vain for seconds.
        const asked = questions(unreachable()).map(async (_, index) => {
          const driver = unreachable()
          const refusal = await refusalOf(questions(driver)[index]!())
          expect(refusal.code).toBe('not-available')
          assertTellable(refusal, bed)
          await driver.close()
        })
        await Promise.all(asked)
      },
      4 * DRIVER_DEADLINE_MS,
    )

    test('what it is told to boot from is what it says, and what it cannot is refused', async () => {
      const driver = bed.driver()
      if (!driver.setBootOrder || !bed.boot) return
      await bed.set(true)
      const { can, cannot, seen } = bed.boot
      await driver.setBootOrder({ device: can, persistent: true, efi: true })
      expect(await seen()).toBe(can)
      if (driver.bootOrder) expect(await driver.bootOrder()).toMatchObject({ device: can, persistent: true })
      const refusal = await refusalOf(driver.setBootOrder({ device: cannot, persistent: true, efi: true }))
      expect(refusal.code).toBe('wrong-state')
      assertTellable(refusal, bed)
      expect(await seen()).toBe(can)
    })

    test('its sensors have names of their own and finite values', async () => {
      const driver = bed.driver()
      if (!driver.sensors) return
      await bed.set(true)
      const sensors = await driver.sensors()
      expect(new Set(sensors.map((sensor) => sensor.name)).size).toBe(sensors.length)
      for (const { value } of sensors) if (value !== null) expect(Number.isFinite(value)).toBe(true)
    })

    test('it says what the machine is made of, and null where it does not know', async () => {
      const driver = bed.driver()
      if (!driver.fru) return
      await bed.set(true)
      if (bed.withoutFru) {
        await expect(driver.fru()).rejects.toMatchObject({ code: 'wrong-state', next: expect.stringMatching(/./) })
        return
      }
      for (const value of Object.values(await driver.fru()))
        expect(value === null || (value.length > 0 && value === value.trim())).toBe(true)
    })

    test('its console answers, and ends when it is closed', async () => {
      const driver = bed.driver()
      if (!driver.openConsole || !bed.echoes) return
      await bed.set(true)
      const line = await driver.openConsole()
      let said = ''
      const ends: string[] = []
      line.listen(
        (bytes) => {
          said += Buffer.from(bytes).toString('latin1')
        },
        (why) => ends.push(why),
      )
      line.write(new TextEncoder().encode('reveille?\r'))
      await vi.waitFor(() => expect(said).toContain('reveille?'), { timeout: 20_000 })
      line.close()
      line.close()
      expect(ends).toEqual([])
      await driver.close()
    })
  })
}

function questions(driver: PowerDriver): (() => Promise<unknown>)[] {
  const [action] = driver.actions
  return [
    () => driver.probe(),
    ...(driver.state ? [() => driver.state!()] : []),
    ...(action ? [() => driver.perform(action)] : []),
  ]
}

async function refusalOf(asked: Promise<unknown>): Promise<Refusal> {
  const error = await asked.then(
    (answer) => new Error(`it answered ${JSON.stringify(answer)}`),
    (refused: unknown) => refused,
  )
  if (error instanceof Refusal) return error
  throw error
}

function assertTellable(refusal: Refusal, { secrets = [] }: PowerBed): void {
  expect(refusal.next).toMatch(/./)
  const told = [refusal.message, refusal.next, refusal.stack, JSON.stringify(refusal), JSON.stringify(refusal.problems)]
  for (const secret of secrets) for (const text of told) expect(text ?? '').not.toContain(secret)
}
