"""Make the calls of stdin with the Python client of openapi-generator (`openapi_client`, in the folder argv[1])."""

import importlib
import json
import sys

sys.path.insert(0, sys.argv[1])
generated = importlib.import_module("openapi_client")
asked = json.load(sys.stdin)
client = generated.ApiClient(generated.Configuration(host=asked["url"], api_key={"ApiKey": asked["key"]}))
told = []
for call in asked["calls"]:
    api = getattr(generated, f"{call['group'].capitalize()}Api")(client)
    model = getattr(generated, call["model"], None)  # none is made of an object without members
    body = call["body"] if model is None else model.from_dict(call["body"])
    ids = {} if call["id"] is None else {"idempotency_key": call["id"]}
    try:
        answer = getattr(api, f"{call['operation']}_with_http_info")(asked["orgcode"], body, **ids)
        told.append({"status": answer.status_code, "body": answer.data.to_dict()})
    except generated.ApiException as error:
        told.append({"status": error.status, "body": json.loads(error.body)})
print(json.dumps(told, default=str))
