-- hello: a sample of the server's clock, and its run. No KEYS; ARGV: version.
-- Reply: { server microseconds, run id, '' }

--@include _name

return each(0, nil)
