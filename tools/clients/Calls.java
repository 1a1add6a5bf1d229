import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.ApiResponse;

/** Makes the calls of stdin with the Java client of openapi-generator; prints the status and body of each answer. */
public final class Calls {
    public static void main(String[] arguments) throws Exception {
        ObjectMapper json = ApiClient.createDefaultObjectMapper();
        JsonNode asked = json.readTree(System.in);
        ApiClient client = new ApiClient();
        client.updateBaseUri(asked.get("url").asText());
        client.setRequestInterceptor(request -> request.header("X-Api-Key", asked.get("key").asText()));
        ArrayNode told = json.createArrayNode();
        for (JsonNode call : asked.get("calls")) {
            String group = call.get("group").asText();
            Class<?> type = Class.forName("org.openapitools.client.api."
                + group.substring(0, 1).toUpperCase() + group.substring(1) + "Api");
            told.add(made(json, type.getConstructor(ApiClient.class).newInstance(client), asked, call));
        }
        System.out.println(json.writeValueAsString(told));
    }

    private static JsonNode made(ObjectMapper json, Object api, JsonNode asked, JsonNode call) throws Exception {
        String name = call.get("method").asText() + "WithHttpInfo";
        Method method = Arrays.stream(api.getClass().getMethods())
            .filter(one -> one.getName().equals(name) && !one.getParameterTypes()[one.getParameterCount() - 1].equals(java.util.Map.class))
            .findFirst().orElseThrow();
        Object[] given = new Object[method.getParameterCount()];
        given[0] = asked.get("orgcode").asText();
        given[1] = json.treeToValue(call.get("body"), method.getParameterTypes()[1]);
        if (!call.get("id").isNull()) {
            given[2] = call.get("id").asText();
        }
        try {
            ApiResponse<?> answer = (ApiResponse<?>) method.invoke(api, given);
            return json.createObjectNode().put("status", answer.getStatusCode()).set("body", json.valueToTree(answer.getData()));
        } catch (InvocationTargetException failed) {
            ApiException error = (ApiException) failed.getCause();
            return json.createObjectNode().put("status", error.getCode()).set("body", json.readTree(error.getResponseBody()));
        }
    }
}
