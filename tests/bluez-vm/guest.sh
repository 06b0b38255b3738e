# In the guest, as root, below a root of its own: message bus and the adapter's wire; guest.py does the rest.
export LC_ALL=C.UTF-8 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONSAFEPATH=1
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PYTHONPATH=/mnt/src:/mnt/src/tests:/opt/site
hostname guest
# The virtual link has hardly any air time: a burst can outrun bluetoothd, and the kernel then drops what does not
# fit into the L2CAP socket. The room makes such a loss the pen's or ours, never the kernel's.
echo 16777216 > /proc/sys/net/core/rmem_default
mkdir -p /run/dbus /var/lib/bluetooth
[ -s /etc/machine-id ] || dbus-uuidgen > /etc/machine-id
dbus-daemon --system --fork --nopidfile || exit 90
# Without the values of characteristics: a monitor that falls behind is thrown off the bus.
[ -e /mnt/out/dbus.txt ] && dbus-monitor --system type=method_call type=method_return type=error \
    type=signal,arg0=org.bluez.Device1 type=signal,arg0=org.bluez.Adapter1 > /mnt/out/dbus.txt 2>&1 &
[ -e /mnt/out/dbus.txt ] && stdbuf -oL btmon > /mnt/out/hci.txt 2>&1 &
btattach -B /dev/hvc0 -P h4 > /mnt/out/btattach.log 2>&1 &
exec python3 /mnt/src/tests/bluez-vm/guest.py
