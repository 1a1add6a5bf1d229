"""Make the calls of stdin with the client that openapi-python-client generated (`crm_client`, in the folder argv[1])."""

import importlib
import json
import keyword
import sys

sys.path.insert(0, sys.argv[1])
asked = json.load(sys.stdin)
client = importlib.import_module("crm_client").Client(base_url=asked["url"], headers={"X-Api-Key": asked["key"]})
told = []
for call in asked["calls"]:
    group, name = call["group"], call["operation"]
    group += "_" * keyword.iskeyword(group)  # as the generator names a module for such a tag
    route = importlib.import_module(f"crm_client.api.{group}.{name}")
    model = getattr(importlib.import_module("crm_client.models"), call["model"])
    ids = {} if call["id"] is None else {"idempotency_key": call["id"]}
    answer = route.sync_detailed(
        client=client, body=model.from_dict(call["body"]), x_orgcode=asked["orgcode"], **ids
    )
    told.append({"status": int(answer.status_code), "body": answer.parsed.to_dict()})
print(json.dumps(told, default=str))
