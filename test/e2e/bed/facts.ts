/** What a system prints once it runs from a disk of ours; facts as NAME=VALUE follow. */
export const ROOTED = 'REVEILLE-ROOT:'
/** What it prints when it has done a line that was typed; the exit status follows. */
export const DONE = 'REVEILLE-DONE:'

/**
 * For any POSIX shell with the serial line as its input and output: counts its boots on its own disk, says who it is by the iBFT,
 * and then runs what is typed, line by line.
 */
export const FACTS_SCRIPT = `
stty -echo -ixon 2>/dev/null
boots=$(( $(cat /boots 2>/dev/null || echo 0) + 1 ))
echo $boots >/boots
sync
firmware=bios
[ -d /sys/firmware/efi ] && firmware=uefi
ibft=/sys/firmware/ibft
echo "${ROOTED} boot=$boots firmware=$firmware initiator=$(cat $ibft/initiator/initiator-name) target=$(cat $ibft/target0/target-name) lun=$(cat $ibft/target0/lun) gateway=$(cat $ibft/ethernet0/gateway 2>/dev/null) marker=$(cat /marker 2>/dev/null) root=$(sed -n 's,^\\(/dev/[^ ]*\\) / .*,\\1,p' /proc/mounts)."
while read -r line; do
  eval "$line"
  echo "${DONE} $?."
done
`
