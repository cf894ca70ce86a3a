"""Reads the text of metrics from its input with Prometheus' own parser, and writes what it found as JSON."""

import json
import sys

from prometheus_client.parser import text_string_to_metric_families

print(
    json.dumps(
        [
            {
                "name": family.name,
                "type": family.type,
                "samples": [[s.name, s.labels, str(s.value)] for s in family.samples],
            }
            for family in text_string_to_metric_families(sys.stdin.read())
        ]
    )
)
