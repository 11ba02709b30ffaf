// A small carrier, complete: it sends goods and calls them back, once for each shipment, whatever happens.
//
//	go run examples/go/carrier.go [-port 9200] [-log FILE] [-slow SECONDS] [-closed]
//
//	POST   /shipments      {"shipment_id", "order_id", "contents", …} -> 201 {"id", "awb", "state": "sent"}, or 422
//	DELETE /shipments/ID   -> {"state": "back"}; ID is this carrier's own
//	GET    /shipments/of/SHIPMENT_ID -> {"id", "awb", "state": "sent" | "back" | "refused"}, or 404
//
// With -closed it takes nothing new. With -slow the first answer about each shipment comes so late, after the goods have
// left: what a caller sees as a timeout.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// shipment is what is known of one; each line of the log is one as it was then.
type shipment struct {
	ID         string `json:"id"`
	AWB        string `json:"awb"`
	ShipmentID string `json:"shipment_id"`
	State      string `json:"state"`
}

// carrier keeps its shipments in a log that is on the disk before anything is said.
type carrier struct {
	mutex  sync.Mutex
	file   *os.File
	size   int64               // of what is whole in the file
	theirs map[string]shipment // by the caller's id
	own    map[string]string   // the caller's id, by the carrier's
}

func open(path string) (*carrier, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	c := &carrier{file: file, theirs: map[string]shipment{}, own: map[string]string{}}
	reader := bufio.NewReader(file)
	for {
		line, err := reader.ReadBytes('\n')
		var known shipment
		if err != nil || json.Unmarshal(line, &known) != nil {
			break // the last line was cut off by a crash
		}
		c.size += int64(len(line))
		c.remember(known)
	}
	return c, c.cut()
}

// cut removes what was not written whole: nobody has heard of it.
func (c *carrier) cut() error {
	if err := c.file.Truncate(c.size); err != nil {
		return err
	}
	_, err := c.file.Seek(c.size, io.SeekStart)
	return err
}

func (c *carrier) remember(s shipment) {
	c.theirs[s.ShipmentID] = s
	c.own[s.ID] = s.ShipmentID
}

// keep writes a shipment down. The caller holds the mutex.
func (c *carrier) keep(s shipment) error {
	line, err := json.Marshal(s)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	_, err = c.file.Write(line)
	if err == nil {
		err = c.file.Sync()
	}
	if err != nil {
		if worse := c.cut(); worse != nil {
			log.Fatal(worse)
		}
		return err
	}
	c.size += int64(len(line))
	c.remember(s)
	return nil
}

// send sends the goods, or refuses them; whether it is the first time, and what became of them, which is always the same.
func (c *carrier) send(shipmentID string, closed bool) (bool, shipment, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if known, ok := c.theirs[shipmentID]; ok {
		return false, known, nil
	}
	number := len(c.theirs) + 1
	sent := shipment{fmt.Sprintf("S-%d", number), fmt.Sprintf("AWB %06d", number), shipmentID, "sent"}
	if closed {
		sent.State = "refused"
	}
	return true, sent, c.keep(sent)
}

// recall calls goods back. What this carrier has never had is not with anybody.
func (c *carrier) recall(id string) (shipment, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	known, ok := c.theirs[c.own[id]]
	if !ok || known.State != "sent" {
		return shipment{ID: id, State: "back"}, nil
	}
	known.State = "back"
	return known, c.keep(known)
}

func (c *carrier) of(shipmentID string) *shipment {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if known, ok := c.theirs[shipmentID]; ok {
		return &known
	}
	return nil
}

func answer(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, code int, why string) {
	answer(w, code, map[string]string{"error": why})
}

func main() {
	port := flag.Int("port", 9200, "the port of 127.0.0.1 to listen on")
	path := flag.String("log", filepath.Join(os.TempDir(), "backstitch-example-carrier.log"), "where the shipments are kept")
	slow := flag.Float64("slow", 0, "how many seconds the first answer about each shipment takes")
	closed := flag.Bool("closed", false, "take nothing new")
	flag.Parse()
	c, err := open(*path)
	if err != nil {
		log.Fatal(err)
	}

	http.HandleFunc("/shipments", func(w http.ResponseWriter, r *http.Request) {
		var request struct {
			ShipmentID string `json:"shipment_id"`
		}
		if r.Method != http.MethodPost || json.NewDecoder(r.Body).Decode(&request) != nil || request.ShipmentID == "" {
			refuse(w, http.StatusBadRequest, "not a request for a shipment")
			return
		}
		log.Printf("POST /shipments %s", r.Header.Get("Idempotency-Key"))
		first, sent, err := c.send(request.ShipmentID, *closed)
		switch {
		case err != nil:
			refuse(w, http.StatusInternalServerError, err.Error())
		case sent.State == "refused":
			refuse(w, http.StatusUnprocessableEntity, "nothing is taken today")
		default:
			if first {
				time.Sleep(time.Duration(*slow * float64(time.Second)))
			}
			answer(w, http.StatusCreated, sent)
		}
	})

	http.HandleFunc("/shipments/", func(w http.ResponseWriter, r *http.Request) {
		id := strings.TrimPrefix(r.URL.Path, "/shipments/")
		if r.Method == http.MethodDelete {
			back, err := c.recall(id)
			if err != nil {
				refuse(w, http.StatusInternalServerError, err.Error())
				return
			}
			answer(w, http.StatusOK, back)
			return
		}
		known := c.of(strings.TrimPrefix(id, "of/"))
		if known == nil {
			refuse(w, http.StatusNotFound, "no such shipment")
			return
		}
		answer(w, http.StatusOK, known)
	})

	address := fmt.Sprintf("127.0.0.1:%d", *port)
	log.Printf("listening on %s", address)
	log.Fatal(http.ListenAndServe(address, nil))
}
