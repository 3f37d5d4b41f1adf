import type { QueryClient } from '@tanstack/react-query'
import { useSyncExternalStore } from 'react'
import { watchEvents } from '../../api/client/events.ts'
import type { Event } from '../../api/contract/server.ts'
import type { OperationId } from '../../api/contract.ts'
import { client } from './call.ts'

/** Which answers grow old when something of a topic changes. */
const TOUCHES: Readonly<Record<Event['topic'], readonly OperationId[]>> = {
  machine: [
    'listMachines',
    'getMachine',
    'listRooms',
    'getBoot',
    'previewScript',
    'why',
    'getStatus',
    'listLabMachines',
  ],
  profile: ['listProfiles', 'getProfile', 'previewScript', 'listImages', 'getImage'],
  image: ['listImages', 'getImage'],
  trace: ['listTraces', 'why', 'listMachines', 'getMachine', 'listRooms', 'getStatus'],
  lease: ['listLeases', 'listNetworks'],
  deployment: [
    'listDeployments',
    'listMachineDeployments',
    'getDeployment',
    'getDeploymentLog',
    'getInventory',
    'getAgent',
    'getMachine',
  ],
  volume: [
    'listVolumes',
    'getVolume',
    'listVolumeJobs',
    'getVolumeJob',
    'listSessions',
    'listPools',
    'listMaintenances',
    'listRollouts',
    'getProfile',
  ],
  batch: ['listBatches', 'getBatch'],
  power: ['getPower', 'listPower', 'listPowerDrivers', 'listMachines', 'getMachine', 'listRooms', 'getStatus'],
  bmc: ['listBmcs', 'getBmc', 'listBmcRules', 'listBmcEvents', 'listBmcSessions'],
  console: ['listConsoles'],
  config: ['listConfigs', 'getConfig', 'getConfigVersion', 'renderConfig', 'diffConfig', 'listConfigValues'],
  lab: ['labStatus', 'listLabMachines', 'getPower'],
  user: ['listUsers', 'me'],
  token: ['listTokens'],
}

/** A boot storm sends hundreds of events a second; what is shown is fetched again at most this often. */
const QUIET_MS = 350

let connected = false
const watchers = new Set<() => void>()
function setConnected(now: boolean): void {
  if (connected === now) return
  connected = now
  for (const watcher of watchers) watcher()
}

/** Whether changes on the server are seen as they happen. */
export function useConnected(): boolean {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
    () => connected,
  )
}

/** Follows the event stream and marks what changed as old; what is on the screen is then fetched again. Returns the end of it. */
export function follow(queries: QueryClient): () => void {
  const due = new Set<OperationId>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let wasLost = false
  const flush = () => {
    timer = undefined
    const ids = new Set(due)
    due.clear()
    void queries.invalidateQueries({ predicate: (query) => ids.has(query.queryKey[0] as OperationId) })
  }
  const stop = watchEvents(client, {
    onEvent: (event) => {
      for (const id of TOUCHES[event.topic] ?? []) due.add(id)
      timer ??= setTimeout(flush, QUIET_MS)
    },
    onReset: () => {
      setConnected(true)
      // Events of the gap are not replayed: everything on the screen may be old.
      if (wasLost) void queries.invalidateQueries()
      wasLost = false
    },
    onProblem: (problem, final) => {
      wasLost = true
      setConnected(false)
      if (final && problem.status === 401) queries.setQueryData(['me', {}], null)
    },
  })
  return () => {
    stop()
    clearTimeout(timer)
    setConnected(false)
  }
}
