import { IconAlertTriangle, IconHeartbeat } from '@tabler/icons-react'
import { Code } from '../parts/copy.tsx'
import { Facts } from '../parts/page.tsx'
import { Status } from '../parts/status.tsx'
import { bytes } from '../parts/words.ts'
import style from './disk-card.module.css'
import { type Disk, diskKind, filesystemText, segmentsOf } from './inventory.ts'

/** One disk: a bar of what lies on it, the partitions in words, and what it says of itself. */
export function DiskCard({ disk }: { disk: Disk }) {
  return (
    <div className={style.disk}>
      <div className={style.head}>
        <b style={{ fontWeight: 600 }}>{disk.model ?? 'Disk'}</b>
        <span className="figures">{bytes(disk.bytes)}</span>
        <span className="soft">
          {diskKind(disk)} · now {disk.name}
        </span>
        {disk.health &&
          (disk.health.passed ? (
            <Status look={['good', IconHeartbeat, 'healthy']} hint={disk.health.detail} bare />
          ) : (
            <Status look={['bad', IconAlertTriangle, 'failing']} hint={disk.health.detail} />
          ))}
        {disk.readOnly && <Status look={['wait', IconAlertTriangle, 'read-only']} />}
      </div>
      {disk.problem && <p className={style.problem}>{disk.problem}</p>}
      {disk.health && !disk.health.passed && <p className={style.problem}>{disk.health.detail}</p>}
      <div className={style.bar} aria-hidden>
        {segmentsOf(disk).map(({ partition, bytes: size, share }, index) => (
          <div
            key={partition ? partition.number : `room-${index}`}
            className={partition ? style.partition : style.room}
            style={{ width: `${share}%` }}
            title={
              partition
                ? `Partition ${partition.number}${partition.name ? ` “${partition.name}”` : ''}: ${filesystemText(partition.filesystem)}, ${bytes(size)}`
                : `${disk.partitions.length === 0 && disk.filesystem ? filesystemText(disk.filesystem) : 'not partitioned'}, ${bytes(size)}`
            }
          >
            {partition
              ? `${partition.number} ${partition.filesystem?.label ?? partition.filesystem?.type ?? partition.name}`
              : disk.partitions.length === 0 && disk.filesystem
                ? filesystemText(disk.filesystem)
                : ''}
          </div>
        ))}
      </div>
      {disk.partitions.length > 0 ? (
        <table className="rows">
          <thead>
            <tr>
              <th>{disk.table?.toUpperCase() ?? 'Partition'}</th>
              <th>Filesystem</th>
              <th>Label</th>
              <th className="end">Size</th>
              <th className="end wide">From</th>
            </tr>
          </thead>
          <tbody>
            {disk.partitions.map((partition) => (
              <tr key={partition.number}>
                <td>
                  {partition.number}
                  {partition.name && <span className="soft"> {partition.name}</span>}
                </td>
                <td>{partition.filesystem?.type ?? <span className="soft">none that is known</span>}</td>
                <td>{partition.filesystem?.label}</td>
                <td className="end figures">{bytes(partition.bytes)}</td>
                <td className="end figures wide soft">{bytes(partition.startBytes)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <p className="soft" style={{ margin: 0 }}>
          {disk.filesystem
            ? `No partitions; all of it is ${filesystemText(disk.filesystem)}.`
            : 'It has no partitions.'}
        </p>
      )}
      <details>
        <summary className="soft">
          Serial {disk.serial ? <Code copy>{disk.serial}</Code> : 'none: it cannot be armed'}
        </summary>
        <Facts
          rows={[
            ['WWN', disk.wwn && <Code copy>{disk.wwn}</Code>],
            ['Where', disk.byPath && <Code copy>{disk.byPath}</Code>],
            ['Firmware', disk.firmware],
            ['Blocks', `${disk.logicalBlockBytes} bytes`],
            ['Health', disk.health?.detail],
            [
              'Fingerprint',
              disk.fingerprint && (
                <Code copy wrap>
                  {disk.fingerprint}
                </Code>
              ),
            ],
          ]}
        />
      </details>
    </div>
  )
}
