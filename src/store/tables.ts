/**
 * The tables as Kysely sees them, after the newest migration. Times are milliseconds since 1970, IPv4 addresses unsigned
 * numbers, truth values 0 or 1; columns named `*_json` hold JSON text. Only SQL that SQLite and PostgreSQL share is used.
 */
export type Tables = {
  machines: MachineRow
  profiles: ProfileRow
  images: ImageRow
  image_versions: ImageVersionRow
  deployments: DeploymentRow
  deployment_log: DeploymentLogRow
  agent_boots: AgentBootRow
  inventories: InventoryRow
  disk_contents: DiskContentRow
  volumes: VolumeRow
  attachments: AttachmentRow
  maintenances: MaintenanceRow
  rollouts: RolloutRow
  batches: BatchRow
  guest_access: GuestAccessRow
  power_drivers: PowerDriverRow
  bmcs: BmcRow
  bmc_rules: BmcRuleRow
  bmc_events: BmcEventRow
  configs: ConfigRow
  config_versions: ConfigVersionRow
  config_values: ConfigValueRow
  config_taken: ConfigTakenRow
  manifests: ManifestRow
  leases: LeaseRow
  traces: TraceRow
  users: UserRow
  tokens: TokenRow
  sessions: SessionRow
  audit: AuditRow
}

export type MachineRow = {
  id: string
  name: string
  state: string
  macs_json: string
  uuid: string | null
  serial: string | null
  manufacturer: string | null
  product: string | null
  architecture: string | null
  firmware: string | null
  boot_loader: string
  tags_json: string
  notes: string
  ip: string | null
  hostname: string | null
  profile: string | null
  next_boot_json: string | null
  created_at: number
  updated_at: number
  last_seen_at: number | null
  last_address: string | null
}

/** `spec_json` holds what the kind of the profile needs; its schema is in profiles/profile.ts. */
export type ProfileRow = { name: string; kind: string; spec_json: string; created_at: number; updated_at: number }

export type ImageRow = {
  name: string
  kind: string
  description: string
  owner: string
  visibility: string
  shared_with_json: string
  labels_json: string
  prune_json: string | null
  last_number: number
  created_at: number
  updated_at: number
}

export type ImageVersionRow = {
  image: string
  number: number
  files_json: string
  cmdline: string
  note: string
  disk_json: string | null
  pinned: number
  source: string
  created_at: number
  created_by: string
}

/** Columns are what is searched or sorted by; the whole deployment is in `content_json`. `settled` 0: something may still happen with it. */
export type DeploymentRow = {
  id: string
  sequence: number
  machine: string
  state: string
  settled: number
  profile: string | null
  ordered_by: string
  created_at: number
  content_json: string
}

export type DeploymentLogRow = { deployment: string; n: number; at: number; level: string; text: string }

/** One boot of the management OS, kept when its pass is fetched. `nonce` and `server_nonce` are set by its first hello. */
export type AgentBootRow = {
  id: string
  machine: string
  deployment: string
  created_at: number
  expires_at: number
  nonce: string | null
  server_nonce: string | null
}

export type InventoryRow = { machine: string; taken_at: number; content_json: string }

/** What is known of the content of a disk. `partition` 0 is the whole disk. */
export type DiskContentRow = {
  machine: string
  serial: string
  partition: number
  chunks: string | null
  half_written_by: string | null
  write_back_json: string | null
  at: number
}

/** The whole of each is in `content_json`; the other columns are what is unique. */
export type VolumeRow = { id: string; name: string; content_json: string }

/** `content_json` holds CHAP secrets: never shown, never logged. */
export type AttachmentRow = { id: string; iqn: string; content_json: string }
export type MaintenanceRow = { id: string; content_json: string }
export type RolloutRow = { id: string; content_json: string }
export type BatchRow = { id: string; started_at: number; content_json: string }

/** How the running system of a machine is reached. `sealed` holds password or key, encrypted with a key that is not in the database. */
export type GuestAccessRow = {
  machine: string
  user_name: string
  port: number
  host_key: string | null
  sealed: string
}

/** `sealed` holds the driver's secrets, encrypted with a key that is not in the database. */
export type PowerDriverRow = {
  machine: string
  name: string
  position: number
  content_json: string
  sealed: string | null
}

/** `content_json` holds sealed passwords: never shown, never logged. */
export type BmcRow = { machine: string; port: number; content_json: string }
export type BmcRuleRow = { name: string; content_json: string }
export type BmcEventRow = { machine: string; id: number; at: number; content_json: string }

export type ConfigRow = { name: string; content_json: string }
export type ConfigVersionRow = { config: string; number: number; content_json: string }

/** `value_json` of what everybody may see, `sealed` of a secret: one of both. */
export type ConfigValueRow = {
  scope: string
  name: string
  value_json: string | null
  sealed: string | null
  updated_at: number
}
export type ConfigTakenRow = { boot: string; part: string; at: number }

export type LeaseRow = {
  ip: number
  network: string
  client: string
  mac: string
  hostname: string | null
  state: string
  started_at: number
  expires_at: number
}

export type TraceRow = {
  id: string
  mac: string
  started_at: number
  updated_at: number
  stage: string
  state: string
  headline: string
  deadline_at: number | null
  profile: string | null
  bytes_sent: number
  dropped: number
  events_json: string
}

export type UserRow = {
  name: string
  role: string
  password_hash: string
  disabled: number
  created_at: number
  updated_at: number
}

export type TokenRow = {
  id: string
  name: string
  user_name: string
  hash: string
  hint: string
  scopes_json: string
  created_at: number
  expires_at: number | null
  last_used_at: number | null
}

export type SessionRow = { hash: string; user_name: string; created_at: number; expires_at: number; address: string }

export type AuditRow = {
  id: number
  at: number
  who: string
  via: string
  address: string
  action: string
  subject: string
  outcome: string
  detail: string
}
/** `things_json`: names such as `machine web1`. */
export type ManifestRow = { name: string; things_json: string }
