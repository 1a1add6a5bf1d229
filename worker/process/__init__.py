"""What every process of this program needs: settings, log, metrics, health, errors, supervision."""
