"""The product on a machine with a real systemd: installed, run, frozen, locked out, rebooted."""
