// The small Internet of these tests: two networks, a site at each, two clients.
#pragma once

// What else runs at rom1: ", web: nginx".
#ifndef SMALL_SERVERS
#define SMALL_SERVERS ""
#endif

#define SMALL_TOP                                                                           \
	"title: Small\n"                                                                    \
	"networks:\n"                                                                       \
	"  - {name: north, as: 64496, city: Oslo, lat: 59.91, lon: 10.75}\n"                \
	"  - {name: south, as: 64497, city: Rome, lat: 41.90, lon: 12.50}\n"                \
	"links:\n"                                                                          \
	"  - {a: south, b: north, relation: provider, delay: 20ms, loss: 0.5}\n"            \
	"sites:\n"                                                                          \
	"  - name: osl1\n"                                                                  \
	"    city: Oslo\n"                                                                  \
	"    lat: 59.91\n"                                                                  \
	"    lon: 10.75\n"                                                                  \
	"    upstreams: [{network: north}, {network: south, relation: peer, delay: 1ms}]\n" \
	"  - {name: rom1, city: Rome, lat: 41.90, lon: 12.50, announcer: bird, dns: "       \
	"knot" SMALL_SERVERS ", "                                                           \
	"upstreams: [{network: south}]}\n"                                                  \
	"clients:\n"                                                                        \
	"  - {name: oslo, network: north}\n"                                                \
	"  - {name: rome, network: south, family: both, interval: 10ms}\n"

#define SMALL_NEARCAST  \
	"nearcast: |\n" \
	"  services: []  # at ${name}, ${dir}\n"

#define SMALL_START                         \
	"start:\n"                          \
	"  - {clients: oslo, site: osl1}\n" \
	"  - {clients: [rome], site: rom1}\n"

#define SMALL_TIMELINE                                                                \
	"timeline:\n"                                                                 \
	"  - at: 1s\n"                                                                \
	"    event: kill\n"                                                           \
	"    target: rom1/bird\n"                                                     \
	"    others-max-lost: 0\n"                                                    \
	"    expect: [{clients: rome, site: osl1, max-outage: 100ms, max-lost: 3}]\n" \
	"  - {at: 2s, event: link-down, target: north/osl1, settle: 2s,\n"            \
	"     expect: [{clients: [oslo, rome], site: none}]}\n"                       \
	"  - {at: 2s, event: run, target: rome, command: [ping, -c1, 192.0.2.1]}\n"

#define SMALL SMALL_TOP SMALL_NEARCAST SMALL_START SMALL_TIMELINE
