import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { IpmiBed } from './ipmi-bed.ts'

let bed: IpmiBed

beforeAll(async () => {
  bed = await IpmiBed.start()
})
afterAll(() => bed.stop())
beforeEach(() => {
  bed.bmc.calls.length = 0
})

const done = (): string[] => bed.bmc.calls.filter((call) => /^(perform|setBootOrder|identify|setUser|clear)/.test(call))

describe.each([17, 3] as const)('FreeIPMI -I %s', (suite) => {
  /** Fails with all that was said. */
  async function said(program: string, ...args: string[]): Promise<string> {
    const ran = await bed.freeipmi(suite, program, ...args)
    expect(ran, `${program} ${args.join(' ')}`).toMatchObject({ code: 0 })
    return ran.out
  }

  test('ipmipower tells the power and switches it, and waits for what it ordered', async () => {
    expect(await said('ipmipower', '--stat')).toBe('127.0.0.1: on\n')
    expect(await said('ipmipower', '--off', '--wait-until-off')).toBe('127.0.0.1: ok\n')
    expect(await said('ipmipower', '--stat')).toBe('127.0.0.1: off\n')
    expect(await said('ipmipower', '--on', '--wait-until-on')).toBe('127.0.0.1: ok\n')
    for (const action of ['--cycle', '--reset', '--pulse', '--soft'])
      expect(await said('ipmipower', action)).toBe('127.0.0.1: ok\n')
    expect(done().map((call) => call.replace(' by admin', ''))).toEqual(
      ['off', 'on', 'cycle', 'reset', 'diag', 'soft'].map((action) => `perform ${action}`),
    )
    await said('ipmipower', '--on')
  })

  test('ipmi-chassis reads and switches', async () => {
    expect(await said('ipmi-chassis', '--get-chassis-status')).toMatch(
      /System Power +: on\n[\s\S]*Power restore policy +: unknown/,
    )
    expect(await said('ipmi-chassis', '--get-chassis-capabilities')).toMatch(/Diagnostic Interrupt +: provided/)
    expect(await said('ipmi-chassis', '--get-system-restart-cause')).toBe('Restart cause : unknown\n')
    await said('ipmi-chassis', '--chassis-identify=5')
    await said('ipmi-chassis', '--chassis-control=power-cycle')
    expect(done()).toEqual(['identify 5', 'perform cycle by admin'])
  })

  test('ipmi-chassis-config orders what to boot from, and reads it as it was written', async () => {
    const key = (name: string, value: string): string[] => ['-e', `Chassis_Boot_Flags:${name}=${value}`]
    for (const [device, ordered] of [
      ['PXE', 'pxe'],
      ['HARD-DRIVE', 'disk'],
      ['CD-DVD', 'cdrom'],
      ['BIOS-SETUP', 'setup'],
      ['REMOTE-CD-DVD', 'media'],
      ['FLOPPY', 'usb'],
    ] as const) {
      await said(
        'ipmi-chassis-config',
        '--commit',
        ...key('Boot_Device', device),
        ...key('Boot_Flags_Persistent', 'Yes'),
        ...key('BIOS_Boot_Type', 'EFI'),
      )
      expect(bed.bmc.bmc.bootOrder).toEqual({ device: ordered, persistent: true, efi: true })
      const read = await said('ipmi-chassis-config', '--checkout', '-S', 'Chassis_Boot_Flags')
      expect(read).toMatch(new RegExp(`Boot_Device +${device}\n`))
      expect(read).toMatch(/Boot_Flags_Persistent +Yes\n/)
      expect(read).toMatch(/BIOS_Boot_Type +EFI\n/)
    }
    await said('ipmi-chassis-config', '--commit', ...key('Boot_Device', 'NO-OVERRIDE'))
    expect(bed.bmc.bmc.bootOrder).toBeNull()
  })

  test('ipmi-fru reads the inventory', async () => {
    const fru = await said('ipmi-fru')
    expect(fru).toMatch(/FRU Chassis Serial Number: C1\n/)
    expect(fru).toMatch(/FRU Board Manufacturer: Reveille\n/)
    expect(fru).toMatch(/FRU Product Name: Fake\n {2}FRU Product Part\/Model Number: P1\n/)
    expect(fru).toMatch(/FRU Product Asset Tag: machine-1\n/)
  })

  test('ipmi-sensors reads sensors with the values that they have', async () => {
    const rows = (await said('ipmi-sensors', '--no-header-output', '--comma-separated-output'))
      .trim()
      .split('\n')
      .slice(-12)
      .map((line) => line.split(',').slice(1).join(','))
    expect(rows).toEqual([
      "CPU Temp,Temperature,47.00,C,'OK'",
      "Outside,Temperature,-12.00,C,'OK'",
      "12V,Voltage,12.06,V,'OK'",
      "VCore,Voltage,0.85,V,'OK'",
      "Fan 1,Fan,4200.00,RPM,'OK'",
      "Fan 2,Fan,300.00,RPM,'At or Below (<=) Lower Critical Threshold'",
      "Power Draw,Other Units Based Sensor,212.00,W,'OK'",
      "Inlet Current,Current,1.80,A,'OK'",
      "Humidity,Other Units Based Sensor,41.00,%,'OK'",
      'Silent,Temperature,N/A,C,N/A',
      "PSU 1,Platform Alert,N/A,N/A,'transition to OK'",
      "PSU 2,Platform Alert,N/A,N/A,'transition to Critical from less severe'",
    ])
  })

  test('ipmi-sensors keeps records over a restart of the BMC', async () => {
    await said('ipmi-sensors')
    await said('bmc-device', '--cold-reset')
    const ran = await bed.freeipmi(suite, 'ipmi-sensors')
    expect(ran).toMatchObject({ code: 0, err: '' })
    expect(ran.out).not.toContain('Caching')
  })

  test('ipmi-sel reads the log and clears it', async () => {
    const { bmc } = bed
    bmc.log.length = 0
    await bmc.record({ kind: 'power', severity: 'ok', text: 'hard reset by admin' })
    await bmc.record({ kind: 'power', severity: 'ok', text: 'clean shutdown by admin' })
    await bmc.record({ kind: 'login', severity: 'warning', text: 'a login failed' })
    await bmc.record({ kind: 'deployment', severity: 'ok', text: 'deployment d1 succeeded' })
    const rows = (await said('ipmi-sel', '--no-header-output')).split('\n').map((line) => line.replace(/ +/g, ' '))
    expect(rows).toEqual(
      expect.arrayContaining([
        '1 | Jan-15-2027 | 08:00:00 | Start | System Boot Initiated | Initiated by hard reset',
        '2 | Jan-15-2027 | 08:00:00 | Shutdown | OS Critical Stop | OS Graceful Shutdown',
        '3 | Jan-15-2027 | 08:00:00 | Login | Session Audit | Invalid Username or Password',
        '4 | Jan-15-2027 | 08:00:00 | Deployment | OS Boot | Base OS/Hypervisor Installation completed',
      ]),
    )
    expect(await said('ipmi-sel', '--info')).toMatch(/Reserve SEL Command +: supported/)
    await said('ipmi-sel', '--clear')
    expect(done()).toEqual(['clearEvents by admin'])
    expect(bmc.log.filter((event) => event.kind !== 'login')).toEqual([])
  })

  test('bmc-info and bmc-device tell what the BMC is', async () => {
    const info = await said('bmc-info')
    expect(info).toMatch(/IPMI Version +: 2\.0/)
    expect(info).toContain('Device GUID : 00112233-4455-6677-8899-aabbccddeeff')
    expect(info).toContain(`System GUID : ${bed.bmc.machine.uuid}`)
    expect(info).toMatch(/Channel Number +: 1\nMedium Type +: 802\.3 LAN/)
    expect(await said('bmc-device', '--get-self-test-results')).toBe('Self Test Result : No Error\n')
    expect(await said('bmc-device', '--get-acpi-power-state')).toMatch(/S0\/G0/)
    expect(await said('bmc-device', '--get-sel-time')).toMatch(/^SEL Time : \d/)
  })

  test('bmc-config reads and writes accounts', async () => {
    // It ends with 1 because some of what it asks for is not there, such as keys of IPMI 1.5.
    const all = await bed.freeipmi(suite, 'bmc-config', '--checkout')
    expect(all.out).toMatch(/Section User2\n[\s\S]*?Username +admin\n[\s\S]*?Lan_Privilege_Limit +Administrator/)
    expect(all.out).toMatch(/Volatile_Access_Mode +Always_Available/)
    expect(all.out).toMatch(/SOL_Privilege_Level +Operator/)
    expect(all.out).not.toMatch(/operator-secret|user-secret|community/i)
    const set = (name: string, value: string): string[] => ['-e', `User6:${name}=${value}`]
    await said('ipmi-config', '--category=core', '--commit', ...set('Username', 'newcomer'))
    await said('ipmi-config', '--category=core', '--commit', ...set('Password', 'newcomer-secret'))
    await said('ipmi-config', '--category=core', '--commit', ...set('Lan_Privilege_Limit', 'Operator'))
    await said('ipmi-config', '--category=core', '--commit', ...set('Enable_User', 'Yes'))
    expect(bed.bmc.bmc.users.find((user) => user.slot === 6)).toMatchObject({
      name: 'newcomer',
      privilege: 'operator',
      enabled: true,
    })
    expect(bed.bmc.passwords.get('newcomer')).toBe('newcomer-secret')
  })

  test('bmc-config and ipmi-chassis-config write back what they read', async () => {
    await said('ipmi-chassis-config', '--commit', '-e', 'Chassis_Boot_Flags:Boot_Device=PXE')
    const users = bed.bmc.bmc.users
    for (const program of ['bmc-config', 'ipmi-chassis-config']) {
      const file = join(bed.home, program)
      writeFileSync(file, (await bed.freeipmi(suite, program, '--checkout')).out)
      expect(await bed.freeipmi(suite, program, '--commit', '-n', file)).toEqual({ code: 0, out: '', err: '' })
      expect(await bed.freeipmi(suite, program, '--diff', '-n', file)).toEqual({ code: 0, out: '', err: '' })
    }
    expect(bed.bmc.bmc.users).toEqual(expect.arrayContaining([...users]))
    expect(bed.bmc.bmc.users).toHaveLength(users.length)
  })

  test('refuses groups and commands that it does not know', async () => {
    expect((await bed.freeipmi(suite, 'ipmi-dcmi', '--get-dcmi-capability-info')).err).toContain(
      'invalid or unsupported',
    )
    expect(await said('ipmi-raw', '0', '0x30', '0x01')).toMatch(/^rcvd: 01 C1/)
  })

  test('ipmiconsole types and sees what comes back', async () => {
    const typed = `echo with suite ${suite}`
    const seen = await bed.terminal('ipmiconsole', bed.consoleArgs(suite), [
      [/\[SOL established\]/, `${typed}\r`],
      [new RegExp(typed), '&.'],
    ])
    expect(seen).toContain('[closing the connection]')
    expect(bed.bmc.lines.at(-1)!.typed).toContain(typed)
    await expect.poll(() => bed.bmc.lines.at(-1)!.closed).toBe(true)
  })
})

describe('who may not', () => {
  const stat = (...args: string[]) =>
    bed.run('ipmipower', ['-h', `127.0.0.1:${bed.port}`, '-D', 'LAN_2_0', ...args, '--stat'])

  test.each([
    ['a wrong password', ['-u', 'admin', '-p', 'wrong', '-I', '17'], /password invalid/],
    ['an unknown user', ['-u', 'nobody', '-p', 'secret', '-I', '17'], /username invalid|password invalid/],
    ['cipher suite 0', ['-u', 'admin', '-p', 'secret', '-I', '0'], /BMC error/],
  ] as const)('%s does not get in', async (_, args, why) => {
    const ran = await stat(...args)
    expect(ran.out + ran.err).toMatch(why)
    expect(bed.bmc.calls).not.toContain('powerState')
  })

  test('a level above the account does not get in', async () => {
    // ipmipower says nothing at all then.
    const who = ['-u', 'user', '-p', 'user-secret', '-I', '17', '-l', 'ADMIN']
    const ran = await bed.run('ipmi-chassis', [
      ...['-h', `127.0.0.1:${bed.port}`, '-D', 'LAN_2_0'],
      ...who,
      '--get-chassis-status',
    ])
    expect(ran.err).toContain('privilege level cannot be obtained for this user')
    expect(bed.bmc.calls).not.toContain('powerState')
  })

  test('IPMI 1.5 is not spoken', async () => {
    const ran = await bed.run('ipmipower', [
      '-h',
      `127.0.0.1:${bed.port}`,
      '-D',
      'LAN',
      '-u',
      'admin',
      '-p',
      'secret',
      '--stat',
    ])
    expect(ran.out + ran.err).not.toMatch(/: on/)
  })
})
