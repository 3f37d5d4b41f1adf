import { expect, test } from 'vitest'
import { Server } from '../e2e/bed/server.ts'
import { until } from '../e2e/bed/until.ts'
import { serveSimulator } from '../fakes/simulated-bmcs.ts'

/** The whole server, its IPMI client, and a BMC on a port of this computer. */
test('a machine is switched through its BMC, also after the server was killed, and a new address gets no password', async () => {
  const bmc = await serveSimulator({ user: 'admin', password: 'secret' })
  const other = await serveSimulator({ user: 'admin', password: 'secret' })
  const server = await Server.make({ http: { listen: '127.0.0.1:18472' }, power: { pollSeconds: 1 } })
  const call = async (method: string, path: string, body?: unknown) => {
    const { status, text } = await server.call(method, `/api/v1${path}`, body)
    return { status, body: text === '' ? undefined : JSON.parse(text) }
  }
  const settings = { kind: 'ipmi', address: '127.0.0.1', port: bmc.port, user: 'admin' }
  const driver = '/machines/pc1/power/drivers/bmc'
  try {
    await call('POST', '/machines', { name: 'pc1', macs: ['02:00:00:00:00:01'] })
    const put = await call('PUT', driver, { settings, secrets: { password: 'secret' } })
    expect(put, 'what was put').toMatchObject({ status: 200, body: { secrets: ['password'] } })
    expect(await call('POST', '/machines/pc1/power', { action: 'on' })).toMatchObject({
      status: 200,
      body: { state: 'on', driver: 'bmc', confirmed: true, problems: [] },
    })

    await server.kill()
    await server.start()
    await until('it is polled by itself', 20_000, async () => {
      const { body } = await call('GET', '/power')
      return body.items[0]?.state === 'on' ? true : undefined
    })
    expect(await call('POST', '/machines/pc1/power', { action: 'off' })).toMatchObject({
      body: { state: 'off', confirmed: true },
    })

    const moved = await call('PUT', driver, { settings: { ...settings, port: other.port } })
    expect(moved).toMatchObject({ status: 200, body: { secrets: [] } })
    expect(await call('POST', `${driver}/probe`)).toMatchObject({ body: { ok: false } })
    expect(await call('POST', '/machines/pc1/power', { action: 'on' })).toMatchObject({ status: 503 })
    const back = await call('PUT', driver, {
      settings: { ...settings, port: other.port },
      secrets: { password: 'secret' },
    })
    expect(back).toMatchObject({ status: 200, body: { secrets: ['password'] } })
    expect(await call('POST', `${driver}/probe`)).toMatchObject({ body: { ok: true } })
    expect(server.output).not.toContain('secret"')
  } finally {
    await server.remove()
    await Promise.all([bmc.close(), other.close()])
  }
}, 120_000)
