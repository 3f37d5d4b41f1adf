import type { PowerAction } from '../../power.ts'

/** A request as settings have it; what is left out is theirs by default. */
export type PresetRequest = Readonly<{
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  body?: string
  headers?: Readonly<Record<string, string>>
  expect?: readonly number[]
}>

/** Requests and states of one kind of API. `needs`: variables without which it does not work; `optional`: those with a default. */
export type Preset = Readonly<{
  about: string
  needs: Readonly<Record<string, string>>
  optional?: Readonly<Record<string, string>>
  headers?: Readonly<Record<string, string>>
  actions: Readonly<Partial<Record<PowerAction, PresetRequest>>>
  state?: PresetRequest & Readonly<{ pointer: string; on: readonly string[]; off: readonly string[] }>
  bootFromNetwork?: PresetRequest
  bootFromDisk?: PresetRequest
}>

const JSON_BODY = { 'content-type': 'application/json' }
const FORM_BODY = { 'content-type': 'application/x-www-form-urlencoded' }
const BEARER = { authorization: 'Bearer {token}' }

const post = (path: string, body: unknown, expect?: readonly number[]): PresetRequest => ({
  method: 'POST',
  path,
  body: JSON.stringify(body),
  headers: JSON_BODY,
  ...(expect ? { expect } : {}),
})

const tasmota = (command: string): PresetRequest => ({
  path: `/cm?user={user}&password={password}&cmnd=${command}`,
})

/** `url` is what the maker calls the base address; all are written from the makers' documents and tested against servers of that shape, not against the services. */
export const PRESETS: Readonly<Record<string, Preset>> = {
  /** Metal API: `POST /devices/{id}/actions`, `PUT /devices/{id}`; base `https://api.equinix.com/metal/v1`. */
  'equinix-metal': {
    about: 'servers of Equinix Metal and what speaks its API',
    needs: { device: 'id of the server' },
    optional: { ipxeUrl: '' },
    headers: { 'x-auth-token': '{token}' },
    actions: {
      on: post('/devices/{device}/actions', { type: 'power_on' }),
      off: post('/devices/{device}/actions', { type: 'power_off' }),
      reset: post('/devices/{device}/actions', { type: 'reboot' }),
    },
    state: { path: '/devices/{device}', pointer: '/state', on: ['active'], off: ['inactive'] },
    bootFromNetwork: {
      method: 'PUT',
      path: '/devices/{device}',
      body: '{"always_pxe":true,"ipxe_script_url":"{ipxeUrl}"}',
      headers: JSON_BODY,
    },
    bootFromDisk: { method: 'PUT', path: '/devices/{device}', body: '{"always_pxe":false}', headers: JSON_BODY },
  },
  /** Tasmota's `cm?cmnd=`; user and password of its web server stand in the address. */
  tasmota: {
    about: 'smart plugs with Tasmota that switch one outlet',
    needs: {},
    actions: { on: tasmota('Power%20On'), off: tasmota('Power%20Off') },
    state: { ...tasmota('Power'), pointer: '/POWER', on: ['ON'], off: ['OFF'] },
  },
  /** With several relays the answers name the relay, too. */
  'tasmota-relay': {
    about: 'one outlet of a strip with Tasmota',
    needs: { relay: 'number of the outlet, from 1' },
    actions: { on: tasmota('Power{relay}%20On'), off: tasmota('Power{relay}%20Off') },
    state: { ...tasmota('Power{relay}'), pointer: '/POWER{relay}', on: ['ON'], off: ['OFF'] },
  },
  /** Gen1 device API, `/relay/{n}`; Basic authentication. */
  'shelly-gen1': {
    about: 'smart plugs of Shelly, first generation',
    needs: {},
    optional: { relay: '0' },
    actions: { on: { path: '/relay/{relay}?turn=on' }, off: { path: '/relay/{relay}?turn=off' } },
    state: { path: '/relay/{relay}', pointer: '/ison', on: ['true'], off: ['false'] },
  },
  /** Gen2+ device API, `Switch.Set` and `Switch.GetStatus`. Its password needs Digest, which is not spoken here: leave it off. */
  'shelly-gen2': {
    about: 'smart plugs of Shelly from the second generation on, without password',
    needs: {},
    optional: { relay: '0' },
    actions: {
      on: { path: '/rpc/Switch.Set?id={relay}&on=true' },
      off: { path: '/rpc/Switch.Set?id={relay}&on=false' },
    },
    state: { path: '/rpc/Switch.GetStatus?id={relay}', pointer: '/output', on: ['true'], off: ['false'] },
  },
  /** REST API: `POST /api/services/{domain}/{service}`, `GET /api/states/{entity}`. */
  homeassistant: {
    about: 'anything that Home Assistant can switch',
    needs: { entity: 'such as switch.rack_plug_3' },
    optional: { domain: 'homeassistant' },
    headers: BEARER,
    actions: {
      on: { ...post('/api/services/{domain}/turn_on', {}), body: '{"entity_id":"{entity}"}' },
      off: { ...post('/api/services/{domain}/turn_off', {}), body: '{"entity_id":"{entity}"}' },
    },
    state: { path: '/api/states/{entity}', pointer: '/state', on: ['on'], off: ['off'] },
  },
  /** Robot Webservice: `POST /reset/{server}` with a form, Basic authentication; base `https://robot-ws.your-server.de`. It has no state. */
  'hetzner-robot': {
    about: 'rented servers of Hetzner: reset and Ctrl+Alt+Del; it tells no state',
    needs: { server: 'number of the server' },
    actions: {
      reset: { method: 'POST', path: '/reset/{server}', body: 'type=hw', headers: FORM_BODY },
      cycle: { method: 'POST', path: '/reset/{server}', body: 'type=sw', headers: FORM_BODY },
    },
  },
  /** Cloud API: `POST /servers/{id}/actions/...`; base `https://api.hetzner.cloud/v1`. */
  'hetzner-cloud': {
    about: 'cloud servers of Hetzner',
    needs: { server: 'number of the server' },
    headers: BEARER,
    actions: {
      on: { method: 'POST', path: '/servers/{server}/actions/poweron' },
      off: { method: 'POST', path: '/servers/{server}/actions/poweroff' },
      reset: { method: 'POST', path: '/servers/{server}/actions/reset' },
      soft: { method: 'POST', path: '/servers/{server}/actions/shutdown' },
    },
    state: { path: '/servers/{server}', pointer: '/server/status', on: ['running'], off: ['off'] },
  },
  /** API v2: `POST /droplets/{id}/actions`; base `https://api.digitalocean.com/v2`. */
  digitalocean: {
    about: 'droplets of DigitalOcean',
    needs: { droplet: 'number of the droplet' },
    headers: BEARER,
    actions: {
      on: post('/droplets/{droplet}/actions', { type: 'power_on' }),
      off: post('/droplets/{droplet}/actions', { type: 'power_off' }),
      cycle: post('/droplets/{droplet}/actions', { type: 'power_cycle' }),
      soft: post('/droplets/{droplet}/actions', { type: 'shutdown' }),
    },
    state: { path: '/droplets/{droplet}', pointer: '/droplet/status', on: ['active'], off: ['off'] },
  },
  /** API viewer: `/nodes/{node}/qemu/{vmid}/status/...`; token `USER@REALM!NAME=UUID`; base `https://HOST:8006/api2/json`. */
  proxmox: {
    about: 'virtual machines of Proxmox VE',
    needs: { node: 'name of the host', vm: 'number of the virtual machine' },
    headers: { authorization: 'PVEAPIToken={token}' },
    actions: {
      on: { method: 'POST', path: '/nodes/{node}/qemu/{vm}/status/start' },
      off: { method: 'POST', path: '/nodes/{node}/qemu/{vm}/status/stop' },
      reset: { method: 'POST', path: '/nodes/{node}/qemu/{vm}/status/reset' },
      soft: { method: 'POST', path: '/nodes/{node}/qemu/{vm}/status/shutdown' },
    },
    state: {
      path: '/nodes/{node}/qemu/{vm}/status/current',
      pointer: '/data/status',
      on: ['running'],
      off: ['stopped'],
    },
  },
  /** Bare Metal API v1: `PUT /v1/nodes/{node}/states/power`; base `http://HOST:6385`; token of Keystone. */
  ironic: {
    about: 'nodes of OpenStack Ironic',
    needs: { node: 'name or UUID of the node' },
    headers: { 'x-auth-token': '{token}', 'x-openstack-ironic-api-version': '1.31' },
    actions: {
      on: { ...post('/v1/nodes/{node}/states/power', { target: 'power on' }), method: 'PUT' },
      off: { ...post('/v1/nodes/{node}/states/power', { target: 'power off' }), method: 'PUT' },
      cycle: { ...post('/v1/nodes/{node}/states/power', { target: 'rebooting' }), method: 'PUT' },
      soft: { ...post('/v1/nodes/{node}/states/power', { target: 'soft power off' }), method: 'PUT' },
    },
    state: {
      path: '/v1/nodes/{node}/states',
      pointer: '/power_state',
      on: ['power on'],
      off: ['power off'],
    },
    bootFromNetwork: {
      method: 'PUT',
      path: '/v1/nodes/{node}/management/boot_device',
      body: '{"boot_device":"pxe","persistent":true}',
      headers: JSON_BODY,
    },
    bootFromDisk: {
      method: 'PUT',
      path: '/v1/nodes/{node}/management/boot_device',
      body: '{"boot_device":"disk","persistent":true}',
      headers: JSON_BODY,
    },
  },
}
