import { ActionIcon, CopyButton, Tooltip } from '@mantine/core'
import { IconCheck, IconCopy } from '@tabler/icons-react'

/** A value in the fixed-width face, with a button that copies it. */
export function Code({ children, copy, wrap }: { children: string; copy?: boolean; wrap?: boolean }) {
  return (
    <span className="mono" style={wrap ? { whiteSpace: 'normal', overflowWrap: 'anywhere' } : undefined}>
      {children}
      {copy && (
        <CopyButton value={children} timeout={1500}>
          {({ copied, copy }) => (
            <Tooltip label={copied ? 'Copied' : 'Copy'}>
              <ActionIcon size="xs" ml={4} onClick={copy} aria-label={`Copy ${children}`}>
                {copied ? <IconCheck size={12} /> : <IconCopy size={12} />}
              </ActionIcon>
            </Tooltip>
          )}
        </CopyButton>
      )}
    </span>
  )
}
