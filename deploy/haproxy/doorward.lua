-- Asks Doorward before HAProxy lets a request through: docs/proxies/haproxy.md.
--
--     http-request lua.doorward http://127.0.0.1:9091/auth/forward
--
-- If the request may pass, the headers of Doorward's response are in the variables req.doorward_NAME. If not, Doorward's
-- response is the client's. HAProxy has no such action of its own; this one uses its HTTP client (HAProxy 2.6 or newer).

-- Headers of one connection (RFC 9110, 7.6.1), and those that this script writes itself.
local not_passed_on = {
    ["connection"] = true,
    ["content-length"] = true,
    ["expect"] = true,
    ["keep-alive"] = true,
    ["proxy-connection"] = true,
    ["te"] = true,
    ["trailer"] = true,
    ["transfer-encoding"] = true,
    ["upgrade"] = true,
    ["x-forwarded-for"] = true,
    ["x-forwarded-host"] = true,
    ["x-forwarded-method"] = true,
    ["x-forwarded-proto"] = true,
    ["x-forwarded-uri"] = true,
    ["x-original-method"] = true,
    ["x-original-url"] = true,
}

local function headers_for_doorward(txn)
    local headers = {}
    for name, values in pairs(txn.http:req_get_headers()) do
        if not not_passed_on[name] then
            headers[name] = {}
            -- HAProxy counts from 0, Lua from 1.
            for index, value in pairs(values) do
                headers[name][index + 1] = value
            end
        end
    end
    local host = txn.sf:req_hdr("host")
    headers["host"] = { host }
    headers["x-forwarded-host"] = { host }
    headers["x-forwarded-method"] = { txn.sf:method() }
    -- A number: in Lua, 0 counts as true.
    headers["x-forwarded-proto"] = { tonumber(txn.f:ssl_fc()) == 1 and "https" or "http" }
    headers["x-forwarded-uri"] = { txn.sf:pathq() }
    headers["x-forwarded-for"] = { txn.sf:src() }
    return headers
end

local function respond(txn, response)
    local reply = txn:reply({ status = response.status, body = response.body })
    for name, values in pairs(response.headers or {}) do
        if not not_passed_on[name] then
            for _, value in pairs(values) do
                reply:add_header(name, value)
            end
        end
    end
    txn:done(reply)
end

local function doorward(txn, address)
    local response = core.httpclient():get({
        url = address,
        headers = headers_for_doorward(txn),
        timeout = 5000,
    })
    if not response or not response.status or response.status == 0 then
        -- Nobody gets in while Doorward is away.
        local reply = txn:reply({ status = 503, reason = "Service Unavailable" })
        reply:add_header("cache-control", "no-store")
        return txn:done(reply)
    end
    if response.status ~= 200 then
        return respond(txn, response)
    end
    for name, values in pairs(response.headers or {}) do
        txn:set_var("req.doorward_" .. name:gsub("%W", "_"), values[0])
    end
end

core.register_action("doorward", { "http-req" }, doorward, 1)
