import { Refusal } from '../../../kit/errors.ts'
import type { StorageState } from '../../contract/storage.ts'
import type { HandlersOf } from '../call.ts'
import type { ApiDependencies } from '../dependencies.ts'

export function storageHandlers({ storage }: ApiDependencies) {
  const there = () => {
    if (!storage) throw new Refusal('not-available', 'the storage of this server cannot be managed here')
    return storage
  }
  const shown = async (): Promise<StorageState> => {
    const { devices, physicalVolumes, volumeGroups, logicalVolumes } = await there().state()
    return {
      devices: devices.map((each) => ({ ...each, holds: [...each.holds], partitions: [...each.partitions] })),
      physicalVolumes: [...physicalVolumes],
      volumeGroups: [...volumeGroups],
      logicalVolumes: [...logicalVolumes],
    }
  }

  return {
    getStorage: () => shown(),
    async createPhysicalVolume({ body, about }) {
      about(body.path, body.wipe ? `wiped, ${body.wipe.bytes} bytes` : '')
      await there().createPhysicalVolume(body.path, body.wipe ?? null)
      return shown()
    },
    async deletePhysicalVolume({ query, about }) {
      about(query.path)
      await there().removePhysicalVolume(query.path)
      return shown()
    },
    async createVolumeGroup({ body, about }) {
      about(body.name, `of ${body.devices.join(', ')}`)
      await there().createGroup(body.name, body.devices)
      return shown()
    },
    async extendVolumeGroup({ params, body, about }) {
      about(params.group, `with ${body.devices.join(', ')}`)
      await there().extendGroup(params.group, body.devices)
      return shown()
    },
    async reduceVolumeGroup({ params, query, about }) {
      about(params.group, `by ${query.path}`)
      await there().reduceGroup(params.group, query.path)
      return shown()
    },
    async deleteVolumeGroup({ params, about }) {
      about(params.group)
      await there().removeGroup(params.group)
      return shown()
    },
    async createLogicalVolume({ body, about }) {
      about(`${body.group}/${body.name}`, `${body.bytes} bytes`)
      await there().createVolume(body.group, body.name, body.bytes)
      return shown()
    },
    async resizeLogicalVolume({ params, body, about }) {
      about(`${params.group}/${params.name}`, `to ${body.bytes} bytes${body.shrink ? ', also smaller' : ''}`)
      await there().resizeVolume(params.group, params.name, body.bytes, body.shrink)
      return shown()
    },
    async renameLogicalVolume({ params, body, about }) {
      about(`${params.group}/${params.name}`, `to ${body.to}`)
      await there().renameVolume(params.group, params.name, body.to)
      return shown()
    },
    async deleteLogicalVolume({ params, about }) {
      about(`${params.group}/${params.name}`)
      await there().removeVolume(params.group, params.name)
      return shown()
    },
  } satisfies HandlersOf<
    | 'getStorage'
    | 'createPhysicalVolume'
    | 'deletePhysicalVolume'
    | 'createVolumeGroup'
    | 'extendVolumeGroup'
    | 'reduceVolumeGroup'
    | 'deleteVolumeGroup'
    | 'createLogicalVolume'
    | 'resizeLogicalVolume'
    | 'renameLogicalVolume'
    | 'deleteLogicalVolume'
  >
}
